//! Copies variants, enumerations, options and results.

use wasm_encoder::{BlockType, ValType};

use super::value::{Place, Translation};
use crate::error::Result;
use crate::types::{Kind, Type, union_of};

impl Translation<'_, '_, '_> {
    /// Copies a value that is one of the cases. A discriminant of no case traps.
    pub(super) fn union(&mut self, cases: &[Option<Type>], from: &Place, to: &Place) -> Result<()> {
        let layout = union_of(cases);
        let kind = match layout.discriminant {
            1 => Kind::U8,
            2 => Kind::U16,
            _ => Kind::U32,
        };
        let count = u32::try_from(cases.len()).unwrap_or(u32::MAX);
        self.load(&kind, &discriminant(from)?)?;
        let case = self.code.keep(ValType::I32);
        self.code.add().local_get(case).i32_const(count.cast_signed()).i32_ge_u();
        self.code.trap_if();
        self.code.add().local_get(case);
        self.store(&kind, &discriminant(to)?)?;
        let payloads: Vec<(u32, &Type)> = (0..).zip(cases).filter_map(|(i, ty)| Some((i, ty.as_ref()?))).collect();
        if let [(index, payload)] = payloads[..] {
            self.code.add().local_get(case).i32_const(index.cast_signed()).i32_eq().if_(BlockType::Empty);
            self.value(payload, &from.payload(payload, layout.payload)?, &to.payload(payload, layout.payload)?)?;
            self.code.add().end();
        } else if !payloads.is_empty() {
            self.branches(case, cases, &payloads, (from, to), layout.payload)?;
        }
        self.code.release(case);
        Ok(())
    }

    /// One branch for each case with a payload, out of a table.
    fn branches(
        &mut self,
        case: u32,
        cases: &[Option<Type>],
        payloads: &[(u32, &Type)],
        (from, to): (&Place, &Place),
        offset: u32,
    ) -> Result<()> {
        let count = u32::try_from(payloads.len()).unwrap_or(u32::MAX);
        // The outermost block ends behind all branches; case `n` of the payloads begins behind the end of the `n`-th inner one.
        for _ in 0..=count {
            self.code.add().block(BlockType::Empty);
        }
        let mut next = 0..count;
        let targets: Vec<u32> =
            cases.iter().map(|ty| if ty.is_some() { next.next() } else { None }.unwrap_or(count)).collect();
        self.code.add().local_get(case).br_table(targets, count);
        for (index, (_, payload)) in (0..count).zip(payloads) {
            self.code.add().end();
            self.value(payload, &from.payload(payload, offset)?, &to.payload(payload, offset)?)?;
            self.code.add().br(count - 1 - index);
        }
        self.code.add().end();
        Ok(())
    }
}

fn discriminant(place: &Place) -> Result<Place> {
    place.part(0, 1, 0)
}
