//! Random values, in memory and flat, as the side that passes them has to write them.

use super::random::Random;
use super::types::{Ty, offsets, tag_bytes};

/// An encoding of strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    Utf16,
    Compact,
}

impl Encoding {
    pub(crate) fn random(random: &mut Random) -> Self {
        [Self::Utf8, Self::Utf16, Self::Compact][random.below(3)]
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Utf8 => "string-encoding=utf8",
            Self::Utf16 => "string-encoding=utf16",
            Self::Compact => "string-encoding=latin1+utf16",
        }
    }
}

/// A core value, as text and with its type.
#[derive(Clone, Debug)]
pub(crate) struct Core {
    pub(crate) ty: &'static str,
    pub(crate) bits: u64,
}

/// Memory that is filled with values.
pub(crate) struct Memory<'r> {
    pub(crate) random: &'r mut Random,
    pub(crate) encoding: Encoding,
    /// Address of the first byte.
    pub(crate) base: u32,
    pub(crate) bytes: Vec<u8>,
    /// How many values are made wrong: discriminants of no case, surrogates, addresses outside of memory.
    pub(crate) wrong: u32,
}

impl Memory<'_> {
    fn allocate(&mut self, size: u32, align: u32) -> u32 {
        while !(self.base + u32::try_from(self.bytes.len()).unwrap()).is_multiple_of(align) {
            self.bytes.push(0);
        }
        let address = self.base + u32::try_from(self.bytes.len()).unwrap();
        self.bytes.resize(self.bytes.len() + size as usize, 0);
        address
    }

    fn put(&mut self, address: u32, bytes: &[u8]) {
        let at = (address - self.base) as usize;
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Whether this value is to be made wrong.
    fn spoil(&mut self) -> bool {
        let spoils = self.wrong > 0 && self.random.below(3) == 0;
        self.wrong -= u32::from(spoils);
        spoils
    }

    /// Writes a random value of the type.
    pub(crate) fn value(&mut self, ty: &Ty) -> u32 {
        let (size, align) = ty.layout();
        let address = self.allocate(size, align);
        let core = self.flat(ty);
        self.store(ty, &core, address);
        address
    }

    /// A random value of the type, flat. Lists and strings are written.
    pub(crate) fn flat(&mut self, ty: &Ty) -> Vec<Core> {
        if let Some(cases) = ty.cases() {
            let case = self.random.below(cases.len());
            let types = ty.flat();
            let mut flat: Vec<Core> = types.iter().map(|ty| Core { ty, bits: 0 }).collect();
            flat[0].bits = u64::try_from(case).unwrap();
            if let Some(payload) = &cases[case] {
                for (slot, core) in flat[1..].iter_mut().zip(self.flat(payload)) {
                    slot.bits = core.bits;
                }
            }
            if self.spoil() {
                flat[0].bits = u64::try_from(cases.len()).unwrap();
            }
            return flat;
        }
        match ty {
            Ty::Scalar(name) => vec![Core { ty: ty.flat()[0], bits: self.scalar(name) }],
            Ty::String => self.string(),
            Ty::List(element) => {
                let count = [0, 1, 2, 3, 7][self.random.below(5)];
                let (size, align) = element.layout();
                let mut address = self.allocate(size * count, align);
                for index in 0..count {
                    let core = self.flat(element);
                    self.store(element, &core, address + index * size);
                }
                if self.spoil() {
                    address = [0xffff_fff0, address + 1][self.random.below(2)];
                }
                pair(address, count)
            }
            Ty::Record(parts) | Ty::Tuple(parts) => parts.iter().flat_map(|part| self.flat(part)).collect(),
            _ => vec![Core { ty: "i32", bits: self.random.next() & 0xffff_ffff }],
        }
    }

    /// Bits that a value does not have are random: they have to be cut off.
    fn scalar(&mut self, name: &str) -> u64 {
        if name == "char" {
            let wrong = [0xd800, 0x11_0000][self.random.below(2)];
            return if self.spoil() { wrong } else { u64::from(u32::from(self.character())) };
        }
        let bits = self.random.next() >> self.random.below(60);
        if matches!(name, "s64" | "u64" | "f64") { bits } else { bits & 0xffff_ffff }
    }

    fn character(&mut self) -> char {
        let limit = [0x80, 0x80, 0x80, 0x100, 0x800, 0x1_0000, 0x11_0000][self.random.below(7)];
        loop {
            if let Some(character) = u32::try_from(self.random.below(limit)).ok().and_then(char::from_u32) {
                return character;
            }
        }
    }

    fn string(&mut self) -> Vec<Core> {
        let length = [0, 1, 2, 5, 9, 40][self.random.below(6)];
        let plain = [0x80, 0x100, 0x11_0000][self.random.below(3)];
        let mut text = String::new();
        while text.chars().count() < length {
            let character = self.character();
            if u32::from(character) < plain {
                text.push(character);
            }
        }
        let latin: Option<Vec<u8>> = text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect();
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let units = u32::try_from(wide.len() / 2).unwrap();
        // A string that could be Latin-1 may be UTF-16 as well.
        let (mut bytes, align, length) = match (self.encoding, latin) {
            (Encoding::Utf8, _) => (text.clone().into_bytes(), 1, u32::try_from(text.len()).unwrap()),
            (Encoding::Compact, Some(latin)) if self.random.below(3) > 0 => (latin, 2, units),
            (Encoding::Compact, _) => (wide, 2, units | 0x8000_0000),
            (Encoding::Utf16, _) => (wide, 2, units),
        };
        if bytes.len() > 1 && self.spoil() {
            // A continuation byte, or half of a surrogate pair.
            let last = bytes.len() - 1;
            bytes[last] = if self.encoding == Encoding::Utf8 { 0x80 } else { 0xd8 };
        }
        let address = self.allocate(u32::try_from(bytes.len()).unwrap(), align);
        self.put(address, &bytes);
        pair(address, length)
    }

    /// Stores a flat value.
    fn store(&mut self, ty: &Ty, core: &[Core], address: u32) {
        if let Some(cases) = ty.cases() {
            let tag = tag_bytes(cases.len());
            self.put(address, &core[0].bits.to_le_bytes()[..tag as usize]);
            let case = usize::try_from(core[0].bits).unwrap();
            if let Some(Some(payload)) = cases.get(case) {
                let align = cases.iter().flatten().map(|case| case.layout().1).max().unwrap();
                self.store(payload, &core[1..], address + tag.next_multiple_of(align));
            }
            return;
        }
        match ty {
            Ty::String | Ty::List(_) => {
                self.put(address, &core[0].bits.to_le_bytes()[..4]);
                self.put(address + 4, &core[1].bits.to_le_bytes()[..4]);
            }
            Ty::Record(parts) | Ty::Tuple(parts) => {
                let mut core = core;
                for (part, offset) in parts.iter().zip(offsets(parts)) {
                    self.store(part, core, address + offset);
                    core = &core[part.flat().len()..];
                }
            }
            _ => {
                let size = ty.layout().0 as usize;
                self.put(address, &core[0].bits.to_le_bytes()[..size]);
            }
        }
    }
}

fn pair(address: u32, length: u32) -> Vec<Core> {
    [address, length].map(|bits| Core { ty: "i32", bits: u64::from(bits) }).to_vec()
}

impl Core {
    /// The instruction that pushes it.
    pub(crate) fn text(&self) -> String {
        match self.ty {
            "f32" => format!("(f32.reinterpret_i32 (i32.const {}))", self.bits & 0xffff_ffff),
            "f64" => format!("(f64.reinterpret_i64 (i64.const {}))", self.bits),
            "i32" => format!("(i32.const {})", self.bits & 0xffff_ffff),
            ty => format!("({ty}.const {})", self.bits),
        }
    }
}
