//! Effect of each operator on the bits of a NaN. `flow` follows the values.

use wasmparser::Operator;

/// The lanes of a value that may be NaNs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::instrument) enum Shape {
    F32,
    F64,
    F32x4,
    F64x2,
}

/// An operator, as far as NaNs are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Takes operands of the first shape, and produces a value of the second. The standard leaves the bits of a
    /// resulting NaN open; those of the operands do not matter.
    Compute(u32, Shape, Shape),
    /// Takes operands of the shape, and produces a value that does not depend on the bits of a NaN.
    Consume(u32, Shape),
    /// Takes operands bit by bit, and produces a value that is never a NaN.
    Number(u32),
    /// Flips the sign, of a NaN too.
    Negate(Shape),
    /// Clears the sign, of a NaN too.
    Absolute(Shape),
    /// `copysign`: the first operand with the sign of the second.
    CopySign,
    /// Selects one of two operands by a comparison.
    Choose(Shape),
    /// Takes every bit of its operands, or is handled elsewhere.
    Observe,
}

/// The effect of an operator.
pub(super) fn effect(operator: &Operator<'_>) -> Effect {
    scalar(operator).or_else(|| vector(operator)).unwrap_or(Effect::Observe)
}

#[allow(clippy::enum_glob_use, reason = "the operators are the subject")]
fn scalar(operator: &Operator<'_>) -> Option<Effect> {
    use Operator::*;
    use Shape::{F32, F64};
    Some(match operator {
        F64Add | F64Sub | F64Mul | F64Div | F64Min | F64Max => Effect::Compute(2, F64, F64),
        F32Add | F32Sub | F32Mul | F32Div | F32Min | F32Max => Effect::Compute(2, F32, F32),
        F64Sqrt | F64Ceil | F64Floor | F64Trunc | F64Nearest => Effect::Compute(1, F64, F64),
        F32Sqrt | F32Ceil | F32Floor | F32Trunc | F32Nearest => Effect::Compute(1, F32, F32),
        F64PromoteF32 => Effect::Compute(1, F32, F64),
        F32DemoteF64 => Effect::Compute(1, F64, F32),
        F64Eq | F64Ne | F64Lt | F64Gt | F64Le | F64Ge => Effect::Consume(2, F64),
        F32Eq | F32Ne | F32Lt | F32Gt | F32Le | F32Ge => Effect::Consume(2, F32),
        I32TruncF64S | I32TruncF64U | I64TruncF64S | I64TruncF64U | I32TruncSatF64S | I32TruncSatF64U
        | I64TruncSatF64S | I64TruncSatF64U => Effect::Consume(1, F64),
        I32TruncF32S | I32TruncF32U | I64TruncF32S | I64TruncF32U | I32TruncSatF32S | I32TruncSatF32U
        | I64TruncSatF32S | I64TruncSatF32U => Effect::Consume(1, F32),
        F64ConvertI32S | F64ConvertI32U | F64ConvertI64S | F64ConvertI64U | F32ConvertI32S | F32ConvertI32U
        | F32ConvertI64S | F32ConvertI64U => Effect::Number(1),
        F64Const { value } if !f64::from_bits(value.bits()).is_nan() => Effect::Number(0),
        F32Const { value } if !f32::from_bits(value.bits()).is_nan() => Effect::Number(0),
        F64Neg => Effect::Negate(F64),
        F32Neg => Effect::Negate(F32),
        F64Abs => Effect::Absolute(F64),
        F32Abs => Effect::Absolute(F32),
        F64Copysign | F32Copysign => Effect::CopySign,
        _ => return None,
    })
}

/// A vector that was computed is never called a number: a canonical `f32x4` is not a canonical `f64x2`.
#[allow(clippy::enum_glob_use, reason = "the operators are the subject")]
fn vector(operator: &Operator<'_>) -> Option<Effect> {
    use Operator::*;
    use Shape::{F32x4, F64x2};
    Some(match operator {
        F64x2Add | F64x2Sub | F64x2Mul | F64x2Div | F64x2Min | F64x2Max | F64x2RelaxedMin | F64x2RelaxedMax => {
            Effect::Compute(2, F64x2, F64x2)
        }
        F32x4Add | F32x4Sub | F32x4Mul | F32x4Div | F32x4Min | F32x4Max | F32x4RelaxedMin | F32x4RelaxedMax => {
            Effect::Compute(2, F32x4, F32x4)
        }
        F64x2RelaxedMadd | F64x2RelaxedNmadd => Effect::Compute(3, F64x2, F64x2),
        F32x4RelaxedMadd | F32x4RelaxedNmadd => Effect::Compute(3, F32x4, F32x4),
        F64x2Sqrt | F64x2Ceil | F64x2Floor | F64x2Trunc | F64x2Nearest => Effect::Compute(1, F64x2, F64x2),
        F32x4Sqrt | F32x4Ceil | F32x4Floor | F32x4Trunc | F32x4Nearest => Effect::Compute(1, F32x4, F32x4),
        F64x2PromoteLowF32x4 => Effect::Compute(1, F32x4, F64x2),
        F32x4DemoteF64x2Zero => Effect::Compute(1, F64x2, F32x4),
        F64x2Eq | F64x2Ne | F64x2Lt | F64x2Gt | F64x2Le | F64x2Ge => Effect::Consume(2, F64x2),
        F32x4Eq | F32x4Ne | F32x4Lt | F32x4Gt | F32x4Le | F32x4Ge => Effect::Consume(2, F32x4),
        I32x4TruncSatF64x2SZero
        | I32x4TruncSatF64x2UZero
        | I32x4RelaxedTruncF64x2SZero
        | I32x4RelaxedTruncF64x2UZero => Effect::Consume(1, F64x2),
        I32x4TruncSatF32x4S | I32x4TruncSatF32x4U | I32x4RelaxedTruncF32x4S | I32x4RelaxedTruncF32x4U => {
            Effect::Consume(1, F32x4)
        }
        F64x2PMin | F64x2PMax => Effect::Choose(F64x2),
        F32x4PMin | F32x4PMax => Effect::Choose(F32x4),
        F64x2Neg => Effect::Negate(F64x2),
        F32x4Neg => Effect::Negate(F32x4),
        F64x2Abs => Effect::Absolute(F64x2),
        F32x4Abs => Effect::Absolute(F32x4),
        V128Const { value } if is_number(value.bytes()) => Effect::Number(0),
        _ => return None,
    })
}

/// Whether a vector has no NaN in any lane of any shape.
fn is_number(bytes: &[u8; 16]) -> bool {
    let (f32s, _) = bytes.as_chunks();
    let (f64s, _) = bytes.as_chunks();
    !f32s.iter().any(|lane| f32::from_le_bytes(*lane).is_nan())
        && !f64s.iter().any(|lane| f64::from_le_bytes(*lane).is_nan())
}
