//! Relaxed vector operators, by the deterministic profile of WebAssembly 3.0: of each list of answers that an engine may
//! choose from, the first. `PROFILE.md` has them.

use wasm_encoder::Instruction as I;
use wasmparser::{Operator, ValType};

/// An operator of the relaxed SIMD proposal.
pub(super) enum Relaxed {
    /// It is another operator.
    Same(I<'static>),
    /// A product, and a sum with a third operand: each rounded by itself.
    MultiplyAdd { multiply: I<'static>, negate: Option<I<'static>>, add: I<'static> },
    /// Sums of two products of signed bytes, which saturate.
    Dot,
    /// The same in pairs, and a sum with a third operand.
    DotAdd,
}

impl Relaxed {
    pub(super) fn of(operator: &Operator<'_>) -> Option<Self> {
        let same = match operator {
            Operator::I8x16RelaxedSwizzle => I::I8x16Swizzle,
            Operator::I32x4RelaxedTruncF32x4S => I::I32x4TruncSatF32x4S,
            Operator::I32x4RelaxedTruncF32x4U => I::I32x4TruncSatF32x4U,
            Operator::I32x4RelaxedTruncF64x2SZero => I::I32x4TruncSatF64x2SZero,
            Operator::I32x4RelaxedTruncF64x2UZero => I::I32x4TruncSatF64x2UZero,
            Operator::I8x16RelaxedLaneselect
            | Operator::I16x8RelaxedLaneselect
            | Operator::I32x4RelaxedLaneselect
            | Operator::I64x2RelaxedLaneselect => I::V128Bitselect,
            Operator::F32x4RelaxedMin => I::F32x4Min,
            Operator::F32x4RelaxedMax => I::F32x4Max,
            Operator::F64x2RelaxedMin => I::F64x2Min,
            Operator::F64x2RelaxedMax => I::F64x2Max,
            Operator::I16x8RelaxedQ15mulrS => I::I16x8Q15MulrSatS,
            _ => return Self::several(operator),
        };
        Some(Self::Same(same))
    }

    fn several(operator: &Operator<'_>) -> Option<Self> {
        let f32x4 = |negate| Self::MultiplyAdd { multiply: I::F32x4Mul, negate, add: I::F32x4Add };
        let f64x2 = |negate| Self::MultiplyAdd { multiply: I::F64x2Mul, negate, add: I::F64x2Add };
        Some(match operator {
            Operator::F32x4RelaxedMadd => f32x4(None),
            Operator::F32x4RelaxedNmadd => f32x4(Some(I::F32x4Neg)),
            Operator::F64x2RelaxedMadd => f64x2(None),
            Operator::F64x2RelaxedNmadd => f64x2(Some(I::F64x2Neg)),
            Operator::I16x8RelaxedDotI8x16I7x16S => Self::Dot,
            Operator::I32x4RelaxedDotI8x16I7x16AddS => Self::DotAdd,
            _ => return None,
        })
    }

    pub(super) fn locals(&self) -> &'static [ValType] {
        match self {
            Self::Same(_) => &[],
            Self::MultiplyAdd { .. } => &[ValType::V128],
            Self::Dot => &[ValType::V128; 2],
            Self::DotAdd => &[ValType::V128; 3],
        }
    }

    pub(super) fn code(&self, locals: &[u32]) -> Vec<I<'static>> {
        match (self, locals) {
            (Self::Same(same), _) => vec![same.clone()],
            (Self::MultiplyAdd { multiply, negate, add }, [third]) => {
                let mut code = vec![I::LocalSet(*third), multiply.clone()];
                code.extend(negate.clone());
                code.extend([I::LocalGet(*third), add.clone()]);
                code
            }
            (Self::Dot, [a, b]) => dot(*a, *b),
            (Self::DotAdd, [a, b, third]) => {
                let mut code = vec![I::LocalSet(*third)];
                code.extend(dot(*a, *b));
                code.extend([I::I32x4ExtAddPairwiseI16x8S, I::LocalGet(*third), I::I32x4Add]);
                code
            }
            _ => Vec::new(),
        }
    }
}

/// For each 16 bits: the product of the low bytes and that of the high bytes, both signed, added with saturation. No
/// product overflows.
fn dot(a: u32, b: u32) -> Vec<I<'static>> {
    let high = |local| [I::LocalGet(local), I::I32Const(8), I::I16x8ShrS];
    let low = |local| [I::LocalGet(local), I::I32Const(8), I::I16x8Shl, I::I32Const(8), I::I16x8ShrS];
    let mut code = vec![I::LocalSet(b), I::LocalSet(a)];
    code.extend(low(a));
    code.extend(low(b));
    code.push(I::I16x8Mul);
    code.extend(high(a));
    code.extend(high(b));
    code.extend([I::I16x8Mul, I::I16x8AddSatS]);
    code
}
