//! Functions that copy one string from memory to memory, in the steps of the canonical ABI: what they allocate, and in which
//! order, can be observed by the program.

use wasm_encoder::{BlockType, ValType};

use super::Bridge;
use super::code::{Code, Local, at};
use super::string::UTF16_TAG;
use crate::error::Result;
use crate::merge::Written;

/// The most bytes of a string.
const MAX_STRING_BYTES: u32 = i32::MAX.cast_unsigned();

/// A function that generated code calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Helper {
    /// `(address, end) -> (character, next address)`; traps if there is none.
    Decode(Units, u32),
    /// `(character, address) -> next address`.
    Encode(Units, u32),
    /// `(address, units) -> (address of the copy, its length)`.
    Transcode(Transcode),
}

/// How the source is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Units {
    Utf8,
    Utf16,
    Latin1,
    /// UTF-16 of a string that would be Latin-1 if it could be.
    CompactUtf16,
}

/// How the copy is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Utf8,
    Utf16,
    Latin1OrUtf16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Transcode {
    pub(super) units: Units,
    pub(super) into: Target,
    pub(super) source: u32,
    pub(super) target: u32,
    pub(super) realloc: u32,
}

impl Units {
    /// Bytes of a unit.
    fn bytes(self) -> u32 {
        match self {
            Self::Utf8 | Self::Latin1 => 1,
            Self::Utf16 | Self::CompactUtf16 => 2,
        }
    }

    /// The alignment of a string: Latin-1 is that of memory in which UTF-16 may be.
    fn align(self) -> u32 {
        if self == Self::Utf8 { 1 } else { 2 }
    }
}

const PAIR: [ValType; 2] = [ValType::I32; 2];

impl Bridge<'_, '_> {
    /// The index of a helper, which is written when it is first used.
    pub(super) fn helper(&mut self, helper: Helper) -> Result<u32> {
        if let Some(index) = self.helpers.get(&helper) {
            return Ok(*index);
        }
        let written = match helper {
            Helper::Decode(Units::Utf8, memory) => self.decode_utf8(memory),
            Helper::Decode(units, memory) => self.decode_units(units, memory),
            Helper::Encode(Units::Utf8, memory) => self.encode_utf8(memory),
            Helper::Encode(_, memory) => self.encode_utf16(memory),
            Helper::Transcode(transcode) => self.transcode(transcode)?,
        };
        self.budget.take(written.code.byte_len() as u64)?;
        // A helper that another one calls has been written before it.
        let index = self.numbers.generated(self.graph.generated.len() + self.written_helpers.len());
        self.written_helpers.push(written);
        self.helpers.insert(helper, index);
        Ok(index)
    }

    fn decode_utf8(&mut self, memory: u32) -> Written {
        let (address, end) = (0, 1);
        let mut code = Code::new(&PAIR);
        let [first, more, character, least] = [code.i32(), code.i32(), code.i32(), code.i32()];
        code.add().local_get(address).local_get(end).i32_ge_u();
        code.trap_if();
        code.add().local_get(address).i32_load8_u(at(memory, 0, 0)).local_tee(first).i32_const(0x80).i32_lt_u();
        code.add().if_(BlockType::Empty);
        code.add().local_get(first).local_get(address).i32_const(1).i32_add().return_().end();
        // Bytes that follow, by the first one.
        code.add().local_get(first).i32_const(0xc2).i32_lt_u().local_get(first).i32_const(0xf4).i32_gt_u().i32_or();
        code.trap_if();
        code.add().i32_const(1).local_get(first).i32_const(0xe0).i32_ge_u().i32_add();
        code.add().local_get(first).i32_const(0xf0).i32_ge_u().i32_add().local_set(more);
        // The least character that needs so many: 0x80, 0x800, 0x10000.
        code.add().i32_const(0x80).i32_const(4).local_get(more).i32_const(1).i32_sub().i32_mul();
        code.add().local_get(more).i32_const(3).i32_eq().i32_add().i32_shl().local_set(least);
        code.add().local_get(first).i32_const(0x3f).local_get(more).i32_shr_u().i32_and().local_set(character);
        code.add().loop_(BlockType::Empty);
        code.add().local_get(address).i32_const(1).i32_add().local_tee(address).local_get(end).i32_ge_u();
        code.trap_if();
        code.add().local_get(address).i32_load8_u(at(memory, 0, 0)).local_tee(first);
        code.add().i32_const(0xc0).i32_and().i32_const(0x80).i32_ne();
        code.trap_if();
        code.add().local_get(character).i32_const(6).i32_shl().local_get(first).i32_const(0x3f).i32_and().i32_or();
        code.add().local_set(character);
        code.add().local_get(more).i32_const(1).i32_sub().local_tee(more).br_if(0).end();
        code.add().local_get(character).local_get(least).i32_lt_u();
        code.add().local_get(character).i32_const(0x10_ffff).i32_gt_u().i32_or();
        code.add().local_get(character).i32_const(-0x800).i32_and().i32_const(0xd800).i32_eq().i32_or();
        code.trap_if();
        code.add().local_get(character).local_get(address).i32_const(1).i32_add();
        self.written("decode UTF-8".into(), &PAIR, &PAIR, code)
    }

    /// Latin-1 or UTF-16.
    fn decode_units(&mut self, units: Units, memory: u32) -> Written {
        let (address, end) = (0, 1);
        let mut code = Code::new(&PAIR);
        let (first, second) = (code.i32(), code.i32());
        if units == Units::Latin1 {
            code.add().local_get(address).i32_load8_u(at(memory, 0, 0)).local_get(address).i32_const(1).i32_add();
            return self.written("decode Latin-1".into(), &PAIR, &PAIR, code);
        }
        code.add().local_get(address).i32_load16_u(at(memory, 0, 1)).local_tee(first);
        code.add().i32_const(0xf800).i32_and().i32_const(0xd800).i32_ne().if_(BlockType::Empty);
        code.add().local_get(first).local_get(address).i32_const(2).i32_add().return_().end();
        code.add().local_get(first).i32_const(0xdc00).i32_ge_u();
        code.add().local_get(end).local_get(address).i32_sub().i32_const(4).i32_lt_u().i32_or();
        code.trap_if();
        code.add().local_get(address).i32_load16_u(at(memory, 2, 1)).local_tee(second);
        code.add().i32_const(0xfc00).i32_and().i32_const(0xdc00).i32_ne();
        code.trap_if();
        code.add().local_get(first).i32_const(0xd800).i32_sub().i32_const(10).i32_shl();
        code.add().local_get(second).i32_const(0xdc00).i32_sub().i32_or().i32_const(0x1_0000).i32_add();
        code.add().local_get(address).i32_const(4).i32_add();
        self.written("decode UTF-16".into(), &PAIR, &PAIR, code)
    }

    fn encode_utf8(&mut self, memory: u32) -> Written {
        let (character, address) = (0, 1);
        let mut code = Code::new(&PAIR);
        let byte = at(memory, 0, 0);
        code.add().local_get(character).i32_const(0x80).i32_lt_u().if_(BlockType::Empty);
        code.add().local_get(address).local_get(character).i32_store8(byte);
        code.add().local_get(address).i32_const(1).i32_add().return_().end();
        for (limit, mark, more) in [(0x800, 0xc0, 1), (0x1_0000, 0xe0, 2), (0x11_0000, 0xf0, 3)] {
            code.add().local_get(character).i32_const(limit).i32_lt_u().if_(BlockType::Empty);
            code.add().local_get(address).local_get(character).i32_const(6 * more).i32_shr_u().i32_const(mark).i32_or();
            code.add().i32_store8(byte);
            for (offset, left) in (1..=more.cast_unsigned()).zip((0..more).rev()) {
                code.add().local_get(address).local_get(character).i32_const(6 * left).i32_shr_u();
                code.add().i32_const(0x3f).i32_and().i32_const(0x80).i32_or().i32_store8(at(memory, offset, 0));
            }
            code.add().local_get(address).i32_const(more + 1).i32_add().return_().end();
        }
        code.add().unreachable();
        self.written("encode UTF-8".into(), &PAIR, &[ValType::I32], code)
    }

    fn encode_utf16(&mut self, memory: u32) -> Written {
        let (character, address) = (0, 1);
        let mut code = Code::new(&PAIR);
        code.add().local_get(character).i32_const(0x1_0000).i32_lt_u().if_(BlockType::Empty);
        code.add().local_get(address).local_get(character).i32_store16(at(memory, 0, 1));
        code.add().local_get(address).i32_const(2).i32_add().return_().end();
        code.add().local_get(character).i32_const(0x1_0000).i32_sub().local_set(character);
        code.add().local_get(address).local_get(character).i32_const(10).i32_shr_u().i32_const(0xd800).i32_or();
        code.add().i32_store16(at(memory, 0, 1));
        code.add().local_get(address).local_get(character).i32_const(0x3ff).i32_and().i32_const(0xdc00).i32_or();
        code.add().i32_store16(at(memory, 2, 1));
        code.add().local_get(address).i32_const(4).i32_add();
        self.written("encode UTF-16".into(), &PAIR, &[ValType::I32], code)
    }

    fn transcode(&mut self, what: Transcode) -> Result<Written> {
        let mut copy = StringCopy::new(self, what)?;
        copy.check_source();
        match (what.units, what.into) {
            (Units::Utf8, Target::Utf8) | (Units::Latin1, Target::Latin1OrUtf16) => copy.same(1),
            (Units::Utf16 | Units::CompactUtf16, Target::Utf16) => copy.same(2),
            (_, Target::Utf8) => copy.write_utf8(),
            (_, Target::Utf16) => copy.write_utf16(),
            (Units::CompactUtf16, Target::Latin1OrUtf16) => copy.narrow(),
            (_, Target::Latin1OrUtf16) => copy.write_latin1(),
        }
        let code = copy.code;
        Ok(self.written(format!("copy {:?} to {:?}", what.units, what.into), &PAIR, &PAIR, code))
    }
}

/// The function that copies one string. Its parameters are the address and the number of units.
struct StringCopy {
    what: Transcode,
    code: Code,
    decode: u32,
    encode: u32,
    /// End of the source.
    end: Local,
    /// Address of the copy.
    target: Local,
    /// Where the next character is written.
    next: Local,
    character: Local,
    /// Bytes that are allocated, or that are used of them.
    bytes: Local,
}

const SOURCE: Local = 0;
const UNITS: Local = 1;

impl StringCopy {
    fn new(bridge: &mut Bridge<'_, '_>, what: Transcode) -> Result<Self> {
        let read = if what.units == Units::CompactUtf16 { Units::Utf16 } else { what.units };
        let write = if what.into == Target::Utf8 { Units::Utf8 } else { Units::Utf16 };
        let decode = bridge.helper(Helper::Decode(read, what.source))?;
        let encode = bridge.helper(Helper::Encode(write, what.target))?;
        let mut code = Code::new(&PAIR);
        let [end, target, next, character, bytes] = [code.i32(), code.i32(), code.i32(), code.i32(), code.i32()];
        Ok(Self { what, code, decode, encode, end, target, next, character, bytes })
    }

    /// Traps unless the source is in memory, aligned.
    fn check_source(&mut self) {
        let units = self.what.units;
        self.code.check_aligned(SOURCE, units.align());
        self.code.add().local_get(UNITS).i64_extend_i32_u().i64_const(i64::from(units.bytes())).i64_mul();
        self.code.check_inside(self.what.source, SOURCE);
        self.code.add().local_get(SOURCE).local_get(UNITS).i32_const(units.bytes().cast_signed()).i32_mul();
        self.code.add().i32_add().local_set(self.end);
    }

    /// Traps if so many bytes a unit are more than a string may have, and keeps them as the number of bytes.
    fn size(&mut self, each: u32) {
        self.code.add().local_get(UNITS).i32_const((MAX_STRING_BYTES / each).cast_signed()).i32_gt_u();
        self.code.trap_if();
        self.code.add().local_get(UNITS).i32_const(each.cast_signed()).i32_mul().local_set(self.bytes);
    }

    /// Calls the allocator, for new memory or for another size of what there is, and checks the place that it answers with.
    fn reallocate(&mut self, old: Option<Local>, align: u32, new: Local) {
        match old {
            Some(old) => self.code.add().local_get(self.target).local_get(old),
            None => self.code.add().i32_const(0).i32_const(0),
        };
        self.code.add().i32_const(align.cast_signed()).local_get(new).call(self.what.realloc).local_set(self.target);
        self.code.check_aligned(self.target, align);
        self.code.add().local_get(new).i64_extend_i32_u();
        self.code.check_inside(self.what.target, self.target);
    }

    /// Reads characters until the end, or until code that follows leaves the loop: `body` has the character.
    fn each(&mut self, body: impl FnOnce(&mut Self)) {
        self.code.add().block(BlockType::Empty).loop_(BlockType::Empty);
        self.code.add().local_get(SOURCE).local_get(self.end).i32_ge_u().br_if(1);
        self.code.add().local_get(SOURCE).local_get(self.end).call(self.decode);
        // The address of the next character stays on the stack until the body has accepted this one.
        let after = self.code.keep(ValType::I32);
        self.code.add().local_set(self.character);
        body(self);
        self.code.add().local_get(after).local_set(SOURCE).br(0).end().end();
        self.code.release(after);
    }

    /// Encodes the rest.
    fn encode_rest(&mut self) {
        self.each(|copy| {
            copy.code.add().local_get(copy.character).local_get(copy.next).call(copy.encode).local_set(copy.next);
        });
    }

    /// Gives back what is allocated behind the last character, if anything is.
    fn shrink(&mut self, align: u32) {
        let used = self.code.i32();
        self.code.add().local_get(self.next).local_get(self.target).i32_sub().local_tee(used);
        self.code.add().local_get(self.bytes).i32_lt_u().if_(BlockType::Empty);
        self.reallocate(Some(self.bytes), align, used);
        self.code.add().end().local_get(used).local_set(self.bytes);
        self.code.release(used);
    }

    /// The same bytes, once they have been read as characters.
    fn same(&mut self, unit: u32) {
        let start = self.code.i32();
        self.size(unit);
        self.reallocate(None, self.what.units.align(), self.bytes);
        self.code.add().local_get(SOURCE).local_set(start);
        match self.what.units {
            Units::Latin1 => {}
            Units::Utf8 => {
                self.skip_ascii();
                self.each(|_| {});
            }
            Units::Utf16 | Units::CompactUtf16 => self.each(|_| {}),
        }
        self.code.add().local_get(self.target).local_get(start).local_get(self.bytes);
        self.code.add().memory_copy(self.what.target, self.what.source);
        self.code.add().local_get(self.target).local_get(UNITS);
    }

    /// Skips eight bytes at a time while all of them are ASCII.
    fn skip_ascii(&mut self) {
        self.code.add().block(BlockType::Empty).loop_(BlockType::Empty);
        self.code.add().local_get(self.end).local_get(SOURCE).i32_sub().i32_const(8).i32_lt_u().br_if(1);
        self.code.add().local_get(SOURCE).i64_load(at(self.what.source, 0, 0));
        self.code.add().i64_const(0x8080_8080_8080_8080_u64.cast_signed()).i64_and().i64_eqz().i32_eqz().br_if(1);
        self.code.add().local_get(SOURCE).i32_const(8).i32_add().local_set(SOURCE).br(0).end().end();
    }

    /// Latin-1 or UTF-16 to UTF-8: a byte for each unit, until a character needs more.
    fn write_utf8(&mut self) {
        let worst = if self.what.units == Units::Latin1 { 2 } else { 3 };
        let done = self.code.i32();
        self.size(1);
        self.reallocate(None, 1, self.bytes);
        self.code.add().local_get(self.target).local_set(self.next);
        self.each(|copy| {
            copy.code.add().local_get(copy.character).i32_const(0x80).i32_ge_u().br_if(1);
            copy.code.add().local_get(copy.next).local_get(copy.character).i32_store8(at(copy.what.target, 0, 0));
            copy.code.add().local_get(copy.next).i32_const(1).i32_add().local_set(copy.next);
        });
        self.code.add().local_get(SOURCE).local_get(self.end).i32_lt_u().if_(BlockType::Empty);
        self.code.add().local_get(self.next).local_get(self.target).i32_sub().local_set(done);
        self.size(worst);
        self.reallocate(Some(UNITS), 1, self.bytes);
        self.code.add().local_get(self.target).local_get(done).i32_add().local_set(self.next);
        self.encode_rest();
        self.shrink(1);
        self.code.add().end().local_get(self.target).local_get(self.bytes);
    }

    /// UTF-8 or Latin-1 to UTF-16: two bytes for each unit are enough.
    fn write_utf16(&mut self) {
        self.size(2);
        self.reallocate(None, 2, self.bytes);
        self.code.add().local_get(self.target).local_set(self.next);
        self.encode_rest();
        self.shrink(2);
        self.code.add().local_get(self.target).local_get(self.bytes).i32_const(1).i32_shr_u();
    }

    /// UTF-8 or UTF-16 to Latin-1, until a character is none of it: then UTF-16.
    fn write_latin1(&mut self) {
        let done = self.code.i32();
        self.size(1);
        self.reallocate(None, 2, self.bytes);
        self.code.add().local_get(self.target).local_set(self.next);
        self.each(|copy| {
            copy.code.add().local_get(copy.character).i32_const(0x100).i32_ge_u().br_if(1);
            copy.code.add().local_get(copy.next).local_get(copy.character).i32_store8(at(copy.what.target, 0, 0));
            copy.code.add().local_get(copy.next).i32_const(1).i32_add().local_set(copy.next);
        });
        self.code.add().local_get(self.next).local_get(self.target).i32_sub().local_set(done);
        self.code.add().local_get(SOURCE).local_get(self.end).i32_lt_u().if_(BlockType::Empty);
        self.size(2);
        self.reallocate(Some(UNITS), 2, self.bytes);
        self.code.add().local_get(self.target).local_get(done).i32_const(1).i32_shl().i32_add().local_set(self.next);
        self.widen(done);
        self.encode_rest();
        self.shrink(2);
        self.code.add().local_get(self.target).local_get(self.bytes).i32_const(1).i32_shr_u();
        self.code.add().i32_const(UTF16_TAG).i32_or().return_().end();
        self.shrink(2);
        self.code.add().local_get(self.target).local_get(self.bytes);
    }

    /// Makes two bytes of each of the first bytes of the copy, from the last to the first.
    fn widen(&mut self, count: Local) {
        let memory = self.what.target;
        let (from, to) = (self.code.i32(), self.code.i32());
        self.code.add().block(BlockType::Empty).loop_(BlockType::Empty).local_get(count).i32_eqz().br_if(1);
        self.code.add().local_get(count).i32_const(1).i32_sub().local_tee(count);
        self.code.add().local_get(self.target).i32_add().local_tee(from).local_get(count).i32_add().local_set(to);
        self.code.add().local_get(to).local_get(from).i32_load8_u(at(memory, 0, 0)).i32_store16(at(memory, 0, 1));
        self.code.add().br(0).end().end();
    }

    /// UTF-16 that becomes Latin-1 if each of its characters is in it.
    fn narrow(&mut self) {
        let memory = self.what.target;
        let (start, all) = (self.code.i32(), self.code.i32());
        self.code.add().local_get(SOURCE).local_set(start);
        self.size(2);
        self.reallocate(None, 2, self.bytes);
        self.each(|copy| {
            copy.code.add().local_get(all).local_get(copy.character).i32_or().local_set(all);
        });
        self.code.add().local_get(self.target).local_get(start).local_get(self.bytes);
        self.code.add().memory_copy(memory, self.what.source);
        self.code.add().local_get(all).i32_const(0x100).i32_ge_u().if_(BlockType::Empty);
        self.code.add().local_get(self.target).local_get(UNITS).i32_const(UTF16_TAG).i32_or().return_().end();
        let done = self.character;
        self.code.add().i32_const(0).local_set(done);
        self.code.add().block(BlockType::Empty).loop_(BlockType::Empty);
        self.code.add().local_get(done).local_get(UNITS).i32_ge_u().br_if(1);
        self.code.add().local_get(self.target).local_get(done).i32_add();
        self.code.add().local_get(self.target).local_get(done).i32_const(1).i32_shl().i32_add();
        self.code.add().i32_load16_u(at(memory, 0, 1)).i32_store8(at(memory, 0, 0));
        self.code.add().local_get(done).i32_const(1).i32_add().local_set(done).br(0).end().end();
        // The alignment stays what it was, as in wasmtime; the specification's own code has 1 here.
        self.reallocate(Some(self.bytes), 2, UNITS);
        self.code.add().local_get(self.target).local_get(UNITS);
    }
}
