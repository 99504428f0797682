//! Price of a function's frame, from its code alone: the maximum that it holds while it runs.
//!
//! In slots of 8 bytes: [`FIXED_SLOTS`], its parameters and locals, and the maximum height of its operands. A scalar
//! takes one slot and a vector two; operands count as vectors in a function that may have one. At least [`FIXED_SLOTS`]
//! and one for every [`VALUES_PER_SLOT`] computing operators: an optimizer may compute each once and keep it, which the
//! source does not show. (Measured: 256 products, each used before and after a call, take 2 KiB of native stack where
//! the source holds one local.)
//!
//! A function without calls within [`FREE_LEAF_SLOTS`] is free, because only one such frame exists at a time. This
//! saves small helpers the cost.
//!
//! The price is part of the profile: changing it changes where programs stop.

use wasmparser::{CompositeInnerType, FuncValidator, Operator, ValType, ValidatorResources, types::Types};

use super::operators::{self, Class};
use bacalhau_receipt::Profile;

/// Return address, frame pointer and registers saved by the engine.
const FIXED_SLOTS: u64 = Profile::V1.stack.fixed;

/// The native stack has 64 bytes for each byte of a slot (see `engine`), so a slot pays for 32 kept values of 16 bytes.
const VALUES_PER_SLOT: u64 = Profile::V1.stack.values_per_slot;

/// Maximum frame of a function without calls that is free: 1 KiB.
const FREE_LEAF_SLOTS: u64 = Profile::V1.stack.free_leaf;

/// Whether any type of the module has a vector in it, so that a call or a block may bring one up.
pub(super) fn mentions_vectors(types: &Types) -> bool {
    let types = types.as_ref();
    let in_types = (0..types.core_type_count_in_module()).any(|index| {
        let ty = types.get(types.core_type_at_in_module(index)).map(|ty| &ty.composite_type.inner);
        let Some(CompositeInnerType::Func(ty)) = ty else { return false };
        ty.params().iter().chain(ty.results()).any(|ty| *ty == ValType::V128)
    });
    in_types || (0..types.global_count()).any(|index| types.global_at(index).content_type == ValType::V128)
}

/// Frame of a function, computed operator by operator.
#[derive(Default)]
pub(super) struct Frame {
    local_slots: u64,
    height: u64,
    /// Number of operators whose result an optimizer could keep.
    values: u64,
    vectors: bool,
    calls: bool,
}

impl Frame {
    /// A frame with its locals, the first `params` groups of which are parameters.
    pub(super) fn of_locals(locals: &[(u32, ValType)], params: usize) -> Self {
        let local_slots = locals.iter().map(|(count, ty)| u64::from(*count) * slots(*ty)).sum();
        // A vector among the parameters shows in the types of the module.
        let vectors = locals[params..].iter().any(|(_, ty)| *ty == ValType::V128);
        Self { local_slots, vectors, ..Self::default() }
    }

    /// Notes an operator that the validator has just accepted.
    pub(super) fn see(&mut self, operator: &Operator<'_>, validator: &FuncValidator<ValidatorResources>) {
        self.calls |= is_call(operator);
        self.values += u64::from(computes(operator));
        self.height = self.height.max(u64::from(validator.operand_stack_height()));
        // Operators that make a vector leave it on top.
        self.vectors |= validator.get_operand_type(0) == Some(Some(ValType::V128));
    }

    /// The price in slots; `None` for a free frame. `vectors` is the result of [`mentions_vectors`].
    pub(super) fn price(&self, vectors: bool) -> Option<i64> {
        let operand = if vectors || self.vectors { 2 } else { 1 };
        let held = self.local_slots + operand * self.height;
        let kept = operand * self.values / VALUES_PER_SLOT;
        let frame = FIXED_SLOTS + held.max(kept);
        if !self.calls && frame <= FREE_LEAF_SLOTS {
            return None;
        }
        // A function has at most 50,000 locals and some 7.6 million operators, so this is far below the most.
        Some(i64::try_from(frame).unwrap_or(i64::MAX))
    }
}

/// Tail calls count as calls: their own frame is there until they are made.
fn is_call(operator: &Operator<'_>) -> bool {
    matches!(operators::class(operator), Class::Call | Class::TailCall)
}

/// Whether the operator may produce a value worth keeping: not control flow, locals or constants, which are counted
/// elsewhere or recomputed.
fn computes(operator: &Operator<'_>) -> bool {
    !matches!(
        operator,
        Operator::Nop
            | Operator::Unreachable
            | Operator::Block { .. }
            | Operator::TryTable { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::End
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::Drop
            | Operator::LocalGet { .. }
            | Operator::LocalSet { .. }
            | Operator::LocalTee { .. }
            | Operator::I32Const { .. }
            | Operator::I64Const { .. }
            | Operator::F32Const { .. }
            | Operator::F64Const { .. }
    )
}

fn slots(ty: ValType) -> u64 {
    if ty == ValType::V128 { 2 } else { 1 }
}
