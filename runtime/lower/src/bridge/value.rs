//! Copies a value from one side of a call to the other.

use wasm_encoder::ValType;

use super::code::{Code, Local, at};
use super::{Bridge, Side};
use crate::error::{LowerError, Result};
use crate::graph::Owner;
use crate::types::{Kind, ResourceId, Type, TypeNode, flags_layout, offsets_of};

/// Where a value is.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// In locals. Their types may be those that cases of a union share.
    Flat(Vec<(Local, ValType)>),
    /// In memory, at an address plus an offset.
    Memory { address: Local, offset: u32 },
}

impl Place {
    /// The place of a part.
    pub(super) fn part(&self, flat_offset: usize, flat_len: usize, memory_offset: u32) -> Result<Self> {
        Ok(match self {
            Self::Flat(locals) => Self::Flat(
                locals
                    .get(flat_offset..flat_offset + flat_len)
                    .ok_or_else(|| LowerError::inconsistent("a flat value"))?
                    .to_vec(),
            ),
            Self::Memory { address, offset } => Self::Memory { address: *address, offset: offset + memory_offset },
        })
    }

    /// The place of a payload behind a discriminant.
    pub(super) fn payload(&self, ty: &TypeNode, memory_offset: u32) -> Result<Self> {
        self.part(1, self.flat_len(ty), memory_offset)
    }

    fn flat_len(&self, ty: &TypeNode) -> usize {
        match self {
            Self::Flat(_) => ty.flat.as_ref().map_or(0, Vec::len),
            Self::Memory { .. } => 0,
        }
    }
}

/// A copy in progress.
pub(super) struct Translation<'t, 'g, 'a> {
    pub(super) bridge: &'t mut Bridge<'g, 'a>,
    pub(super) code: &'t mut Code,
    pub(super) from: Side,
    pub(super) to: Side,
}

impl Translation<'_, '_, '_> {
    /// Copies a value of this type.
    pub(super) fn value(&mut self, ty: &Type, from: &Place, to: &Place) -> Result<()> {
        // The loop over a large type's parts must not write code without bound.
        self.bridge.budget.check(self.code.len() as u64)?;
        if let Some(fields) = ty.kind.fields() {
            return self.fields(&fields, from, to);
        }
        if let Some(cases) = ty.kind.cases() {
            return self.union(&cases, from, to);
        }
        match &ty.kind {
            Kind::Flags(names) => self.flags(names.len(), from, to),
            Kind::String => self.string(from, to),
            Kind::List(element) => self.list(element, from, to),
            _ => {
                self.load(&ty.kind, from)?;
                self.check(&ty.kind)?;
                self.store(&ty.kind, to)
            }
        }
    }

    fn fields(&mut self, fields: &[Type], from: &Place, to: &Place) -> Result<()> {
        let mut flat = 0;
        for (field, offset) in fields.iter().zip(offsets_of(fields)) {
            let source = from.part(flat, from.flat_len(field), offset)?;
            let target = to.part(flat, to.flat_len(field), offset)?;
            self.value(field, &source, &target)?;
            flat += field.flat.as_ref().map_or(0, Vec::len);
        }
        Ok(())
    }

    /// Words of flags, without the bits that no flag has.
    fn flags(&mut self, count: usize, from: &Place, to: &Place) -> Result<()> {
        let (size, _) = flags_layout(count);
        let kind = match size {
            1 => Kind::U8,
            2 => Kind::U16,
            _ => Kind::U32,
        };
        for word in 0..count.div_ceil(32) {
            let offset = 4 * u32::try_from(word).unwrap_or(u32::MAX / 4);
            self.load(&kind, &from.part(word, 1, offset)?)?;
            let bits = (count - 32 * word).min(32);
            let mask = u32::MAX >> (32 - bits);
            self.code.add().i32_const(mask.cast_signed()).i32_and();
            self.store(&kind, &to.part(word, 1, offset)?)?;
        }
        Ok(())
    }

    /// Pushes a scalar as its core value.
    pub(super) fn load(&mut self, kind: &Kind, from: &Place) -> Result<()> {
        match from {
            Place::Flat(locals) => {
                let (local, has) = *locals.first().ok_or_else(|| LowerError::inconsistent("a flat value"))?;
                self.code.add().local_get(local);
                self.convert(has, core_type(kind));
            }
            Place::Memory { address, offset } => {
                let memory = self.from.memory()?;
                let place = |align| at(memory, *offset, align);
                let mut code = self.code.add();
                code.local_get(*address);
                match kind {
                    Kind::Bool | Kind::U8 => code.i32_load8_u(place(0)),
                    Kind::S8 => code.i32_load8_s(place(0)),
                    Kind::U16 => code.i32_load16_u(place(1)),
                    Kind::S16 => code.i32_load16_s(place(1)),
                    Kind::S64 | Kind::U64 => code.i64_load(place(3)),
                    Kind::F32 => code.f32_load(place(2)),
                    Kind::F64 => code.f64_load(place(3)),
                    _ => code.i32_load(place(2)),
                };
            }
        }
        Ok(())
    }

    /// Pops the core value of a scalar into its place.
    pub(super) fn store(&mut self, kind: &Kind, to: &Place) -> Result<()> {
        match to {
            Place::Flat(locals) => {
                let (local, has) = *locals.first().ok_or_else(|| LowerError::inconsistent("a flat value"))?;
                self.convert(core_type(kind), has);
                self.code.add().local_set(local);
            }
            Place::Memory { address, offset } => {
                let memory = self.to.memory()?;
                let value = self.code.keep(core_type(kind));
                let place = |align| at(memory, *offset, align);
                let mut code = self.code.add();
                code.local_get(*address).local_get(value);
                match kind {
                    Kind::Bool | Kind::U8 | Kind::S8 => code.i32_store8(place(0)),
                    Kind::U16 | Kind::S16 => code.i32_store16(place(1)),
                    Kind::S64 | Kind::U64 => code.i64_store(place(3)),
                    Kind::F32 => code.f32_store(place(2)),
                    Kind::F64 => code.f64_store(place(3)),
                    _ => code.i32_store(place(2)),
                };
                self.code.release(value);
            }
        }
        Ok(())
    }

    /// Makes the core value on top one of the type: cuts bits off that it does not have, traps where it is none.
    fn check(&mut self, kind: &Kind) -> Result<()> {
        match kind {
            Kind::Bool => {
                self.code.add().i32_const(0).i32_ne();
            }
            Kind::U8 => {
                self.code.add().i32_const(0xff).i32_and();
            }
            Kind::U16 => {
                self.code.add().i32_const(0xffff).i32_and();
            }
            Kind::S8 => {
                self.code.add().i32_extend8_s();
            }
            Kind::S16 => {
                self.code.add().i32_extend16_s();
            }
            Kind::Char => {
                let value = self.code.keep(ValType::I32);
                self.code.add().local_get(value).i32_const(0x11_0000).i32_ge_u();
                self.code.trap_if();
                self.code.add().local_get(value).i32_const(-0x800).i32_and().i32_const(0xd800).i32_eq();
                self.code.trap_if();
                self.code.add().local_get(value);
                self.code.release(value);
            }
            Kind::Own(id) => self.own(*id)?,
            Kind::Borrow(id) => self.borrow(*id)?,
            _ => {}
        }
        Ok(())
    }

    /// Moves the handle on top from one table to the other.
    fn own(&mut self, id: ResourceId) -> Result<()> {
        if let Some(instance) = self.from.instance {
            self.handle(instance, id, "handles#take-own")?;
        }
        if let Some(instance) = self.to.instance {
            self.handle(instance, id, "handles#insert-own")?;
        }
        Ok(())
    }

    /// Lends the handle on top for the call. The instance that defines the resource gets its representation.
    fn borrow(&mut self, id: ResourceId) -> Result<()> {
        if let Some(instance) = self.from.instance {
            self.handle(instance, id, "handles#lend")?;
        }
        let owner = self.bridge.graph.resources.get(id).map(|resource| &resource.owner);
        if let Some(to) = self.to.instance
            && !matches!(owner, Some(Owner::Instance { instance, .. }) if *instance == to)
        {
            self.handle(to, id, "handles#insert-borrow")?;
        }
        Ok(())
    }

    fn handle(&mut self, instance: usize, id: ResourceId, function: &str) -> Result<()> {
        let value = self.code.keep(ValType::I32);
        self.bridge.push_table(self.code, instance, id)?;
        let function = self.bridge.support(function)?;
        self.code.add().local_get(value).call(function);
        self.code.release(value);
        Ok(())
    }

    /// Converts between a core type and the one that cases of a union share.
    fn convert(&mut self, from: ValType, to: ValType) {
        let mut code = self.code.add();
        match (from, to) {
            (ValType::I32, ValType::I64) => code.i64_extend_i32_u(),
            (ValType::I64, ValType::I32) => code.i32_wrap_i64(),
            (ValType::F32, ValType::I32) => code.i32_reinterpret_f32(),
            (ValType::I32, ValType::F32) => code.f32_reinterpret_i32(),
            (ValType::F32, ValType::I64) => code.i32_reinterpret_f32().i64_extend_i32_u(),
            (ValType::I64, ValType::F32) => code.i32_wrap_i64().f32_reinterpret_i32(),
            (ValType::F64, ValType::I64) => code.i64_reinterpret_f64(),
            (ValType::I64, ValType::F64) => code.f64_reinterpret_i64(),
            _ => return,
        };
    }
}

/// The core type of a scalar.
pub(super) fn core_type(kind: &Kind) -> ValType {
    match kind {
        Kind::S64 | Kind::U64 => ValType::I64,
        Kind::F32 => ValType::F32,
        Kind::F64 => ValType::F64,
        _ => ValType::I32,
    }
}
