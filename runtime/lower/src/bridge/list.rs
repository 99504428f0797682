//! Copies lists.

use wasm_encoder::{BlockType, ValType};

use super::code::Local;
use super::value::{Place, Translation};
use crate::error::Result;
use crate::types::{Kind, Type};

impl Translation<'_, '_, '_> {
    /// Copies the elements into new memory of the other side.
    pub(super) fn list(&mut self, element: &Type, from: &Place, to: &Place) -> Result<()> {
        let (source, target) = (self.from.memory()?, self.to.memory()?);
        let (address, length) = self.load_pair(from)?;
        self.code.add().local_get(length).i64_extend_i32_u().i64_const(i64::from(element.size)).i64_mul();
        let bytes = self.code.keep(ValType::I64);
        self.code.add().local_get(bytes).i64_const(0xffff_ffff).i64_gt_u();
        self.code.trap_if();
        self.code.check_aligned(address, element.align);
        self.code.add().local_get(bytes);
        self.code.check_inside(source, address);
        let copy = self.allocate(bytes, element.align)?;
        self.code.check_aligned(copy, element.align);
        self.code.add().local_get(bytes);
        self.code.check_inside(target, copy);
        if is_plain(&element.kind) {
            self.code
                .add()
                .local_get(copy)
                .local_get(address)
                .local_get(bytes)
                .i32_wrap_i64()
                .memory_copy(target, source);
        } else {
            self.elements(element, length, (address, copy))?;
        }
        self.store_pair(copy, length, to)?;
        for local in [address, length, bytes, copy] {
            self.code.release(local);
        }
        Ok(())
    }

    fn elements(&mut self, element: &Type, length: Local, (source, target): (Local, Local)) -> Result<()> {
        let [left, from, to] = [self.code.i32(), self.code.i32(), self.code.i32()];
        self.code.add().local_get(length).local_set(left).local_get(source).local_set(from);
        self.code.add().local_get(target).local_set(to);
        self.code.add().block(BlockType::Empty).loop_(BlockType::Empty).local_get(left).i32_eqz().br_if(1);
        let place = |address| Place::Memory { address, offset: 0 };
        self.value(element, &place(from), &place(to))?;
        let size = element.size.cast_signed();
        self.code.add().local_get(from).i32_const(size).i32_add().local_set(from);
        self.code.add().local_get(to).i32_const(size).i32_add().local_set(to);
        self.code.add().local_get(left).i32_const(1).i32_sub().local_set(left).br(0).end().end();
        for local in [left, from, to] {
            self.code.release(local);
        }
        Ok(())
    }

    /// New memory of the other side, of a number of bytes that is less than 2^32.
    fn allocate(&mut self, bytes: Local, align: u32) -> Result<Local> {
        let realloc = self.to.realloc()?;
        self.code.add().i32_const(0).i32_const(0).i32_const(align.cast_signed());
        self.code.add().local_get(bytes).i32_wrap_i64().call(realloc);
        Ok(self.code.keep(ValType::I32))
    }

    /// Address and length of a string or list.
    pub(super) fn load_pair(&mut self, from: &Place) -> Result<(Local, Local)> {
        self.load(&Kind::U32, &from.part(0, 1, 0)?)?;
        let address = self.code.keep(ValType::I32);
        self.load(&Kind::U32, &from.part(1, 1, 4)?)?;
        Ok((address, self.code.keep(ValType::I32)))
    }

    pub(super) fn store_pair(&mut self, address: Local, length: Local, to: &Place) -> Result<()> {
        self.code.add().local_get(address);
        self.store(&Kind::U32, &to.part(0, 1, 0)?)?;
        self.code.add().local_get(length);
        self.store(&Kind::U32, &to.part(1, 1, 4)?)
    }
}

/// Whether all bits are a value, so that elements are copied at once.
fn is_plain(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::U8
            | Kind::S8
            | Kind::U16
            | Kind::S16
            | Kind::U32
            | Kind::S32
            | Kind::U64
            | Kind::S64
            | Kind::F32
            | Kind::F64
    )
}
