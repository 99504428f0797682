//! The locals that a function is given on top of its own.

use wasmparser::ValType;

use super::body::{Plan, value_type};
use super::function::Function;

/// As in `wasmparser::limits` and in browsers.
const MOST_LOCALS: u32 = 50_000;

/// Indices of the locals that are ours. Each exists only where it is used.
pub(super) struct Locals {
    /// Declarations of the function's own locals and then ours; parameters are not declared.
    pub(super) groups: Vec<(u32, wasm_encoder::ValType)>,
    /// `i64`: fuel, while the function runs. None where the counter itself is used.
    pub(super) fuel: Option<u32>,
    /// `i64`: the remaining stack below this frame.
    pub(super) stack: Option<u32>,
    /// `i32`: operand of an operator that is charged by it.
    count: Option<u32>,
    /// `i32`: result of a growth.
    grown: Option<u32>,
    /// `i64`: the same two, where an operator takes 64 bits.
    wide_count: Option<u32>,
    wide_grown: Option<u32>,
    /// A float that is made canonical, by type.
    values: Vec<(ValType, u32)>,
    /// For operators that are replaced, by type.
    scratch: Vec<(ValType, u32)>,
}

impl Locals {
    /// Decides which are needed. None if the function would have too many.
    pub(super) fn of(function: &Function<'_>, plan: &Plan) -> Option<Self> {
        let blocks = &plan.blocks;
        let mut locals = Self {
            groups: Vec::new(),
            fuel: None,
            stack: None,
            count: None,
            grown: None,
            wide_count: None,
            wide_grown: None,
            values: Vec::new(),
            scratch: Vec::new(),
        };
        for (count, ty) in &function.locals[function.params..] {
            locals.groups.push((*count, wasm_encoder::ValType::try_from(*ty).ok()?));
        }
        let mut next = function.local_count();
        let mut add = |wanted: bool, ty: ValType| {
            if !wanted {
                return None;
            }
            locals.groups.push((1, wasm_encoder::ValType::try_from(ty).ok()?));
            next += 1;
            Some(next - 1)
        };
        // An exception arrives with what was counted elsewhere: in the counter alone.
        locals.fuel = add(!blocks.are_one() && !blocks.catches, ValType::I64);
        locals.stack = add(plan.price.is_some(), ValType::I64);
        locals.count = add(blocks.sized, ValType::I32);
        locals.grown = add(blocks.grows, ValType::I32);
        locals.wide_count = add(!plan.wide.is_empty(), ValType::I64);
        locals.wide_grown = add(!plan.wide.is_empty() && blocks.grows, ValType::I64);
        for ty in [ValType::F32, ValType::F64, ValType::V128] {
            let wanted = plan.canonical.iter().any(|canonical| value_type(canonical.shape) == ty);
            if let Some(index) = add(wanted, ty) {
                locals.values.push((ty, index));
            }
        }
        for ty in [ValType::I32, ValType::I64, ValType::V128] {
            let each = plan.replaced.iter().map(|replaced| replaced.locals().iter().filter(|of| **of == ty).count());
            for _ in 0..each.max().unwrap_or(0) {
                if let Some(index) = add(true, ty) {
                    locals.scratch.push((ty, index));
                }
            }
        }
        (next <= MOST_LOCALS).then_some(locals)
    }

    /// Locals of these types for an operator that is replaced, each another one.
    pub(super) fn scratch(&self, types: &[ValType]) -> Vec<u32> {
        let mut free = self.scratch.clone();
        let mut take = |ty| free.iter().position(|(of, _)| *of == ty).map(|at| free.remove(at).1);
        types.iter().filter_map(|ty| take(*ty)).collect()
    }

    /// The local for the operand of an operator that is charged by it, of 64 bits if it is `wide`.
    pub(super) fn count(&self, wide: bool) -> Option<u32> {
        if wide { self.wide_count } else { self.count }
    }

    /// The local for the result of a growth.
    pub(super) fn grown(&self, wide: bool) -> Option<u32> {
        if wide { self.wide_grown } else { self.grown }
    }

    /// The local for floats of a type.
    pub(super) fn value(&self, ty: ValType) -> Option<u32> {
        self.values.iter().find(|(of, _)| *of == ty).map(|(_, index)| *index)
    }
}
