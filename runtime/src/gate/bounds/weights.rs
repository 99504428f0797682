//! Approximate size of an operator's machine code in bytes, including counters and canonical NaNs: an upper bound of
//! the baseline and the optimizing compiler.

use wasmparser::Operator;

/// A function: its prologue, its frame, its fuel.
pub(super) const FUNCTION: u64 = 128;
/// A parameter or local, which the quick compiler stores or clears.
pub(super) const LOCAL: u64 = 8;
/// An operand that a call or a branch moves.
pub(super) const MOVED: u64 = 8;
/// A target of a `br_table`.
pub(super) const TARGET: u64 = 16;

/// Weight of an operator without moved values and branch targets.
#[allow(clippy::enum_glob_use, reason = "the operators are the subject")]
pub(super) fn of(operator: &Operator<'_>) -> u64 {
    use Operator::*;
    match operator {
        Nop | Drop | Else | Unreachable | End | Block { .. } => 4,
        LocalGet { .. } | LocalSet { .. } | LocalTee { .. } | I32Const { .. } | I64Const { .. } => 8,
        Loop { .. } | BrTable { .. } | F32x4RelaxedMadd | F32x4RelaxedNmadd | F64x2RelaxedMadd | F64x2RelaxedNmadd => {
            48
        }
        Call { .. } | CallRef { .. } => 32,
        I16x8RelaxedDotI8x16I7x16S
        | I32x4RelaxedDotI8x16I7x16AddS
        | CallIndirect { .. }
        | MemoryGrow { .. }
        | MemoryCopy { .. }
        | MemoryFill { .. }
        | MemoryInit { .. }
        | TableGrow { .. }
        | TableCopy { .. }
        | TableFill { .. }
        | TableInit { .. }
        | TableGet { .. }
        | TableSet { .. }
        | RefFunc { .. }
        | DataDrop { .. }
        | ElemDrop { .. } => 128,
        _ => 16,
    }
}
