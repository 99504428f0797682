//! Operators with one result, and the random choice of their immediates. Operators that trap often and most integer
//! operators are left to `smith`.

use super::super::dice::Dice;
use super::super::node::Type::{self, F32, F64, I32, I64, V128};

/// An operator: its text, operands and result. `{n}` is a lane below `n`, `{shuffle}` 16 lanes.
pub(super) struct Op {
    text: &'static str,
    pub(super) takes: &'static [Type],
    gives: Type,
}

const fn op(text: &'static str, takes: &'static [Type], gives: Type) -> Op {
    Op { text, takes, gives }
}

impl Op {
    /// An operator with a result of that type. Float arithmetic is more frequent than the rest, as in real programs.
    pub(super) fn giving(ty: Type, dice: &mut Dice) -> &'static Self {
        let arithmetic = matches!(ty, F32 | F64 | V128) && dice.chance(55);
        let list: &'static [Self] = if arithmetic { ARITHMETIC } else { OTHERS };
        let fitting: Vec<&'static Self> = list.iter().filter(|op| op.gives == ty).collect();
        dice.pick(&fitting)
    }

    /// The operator with its immediates.
    pub(super) fn head(&self, dice: &mut Dice) -> String {
        let Some((before, rest)) = self.text.split_once('{') else { return self.text.into() };
        let Some((what, after)) = rest.split_once('}') else { return self.text.into() };
        let drawn = match what.parse() {
            Ok(lanes) => dice.below(lanes).to_string(),
            Err(_) => (0..16).map(|_| dice.below(32).to_string()).collect::<Vec<_>>().join(" "),
        };
        format!("{before}{drawn}{after}")
    }
}

/// Operators that create NaNs or propagate them with another sign.
const ARITHMETIC: &[Op] = &[
    op("f32.add", &[F32, F32], F32),
    op("f32.sub", &[F32, F32], F32),
    op("f32.mul", &[F32, F32], F32),
    op("f32.div", &[F32, F32], F32),
    op("f32.min", &[F32, F32], F32),
    op("f32.max", &[F32, F32], F32),
    op("f32.sqrt", &[F32], F32),
    op("f32.neg", &[F32], F32),
    op("f32.abs", &[F32], F32),
    op("f32.demote_f64", &[F64], F32),
    op("f64.add", &[F64, F64], F64),
    op("f64.sub", &[F64, F64], F64),
    op("f64.mul", &[F64, F64], F64),
    op("f64.div", &[F64, F64], F64),
    op("f64.min", &[F64, F64], F64),
    op("f64.max", &[F64, F64], F64),
    op("f64.sqrt", &[F64], F64),
    op("f64.neg", &[F64], F64),
    op("f64.abs", &[F64], F64),
    op("f64.promote_f32", &[F32], F64),
    op("f32x4.add", &[V128, V128], V128),
    op("f32x4.sub", &[V128, V128], V128),
    op("f32x4.mul", &[V128, V128], V128),
    op("f32x4.div", &[V128, V128], V128),
    op("f32x4.min", &[V128, V128], V128),
    op("f32x4.max", &[V128, V128], V128),
    op("f32x4.pmin", &[V128, V128], V128),
    op("f32x4.pmax", &[V128, V128], V128),
    op("f32x4.sqrt", &[V128], V128),
    op("f32x4.neg", &[V128], V128),
    op("f32x4.abs", &[V128], V128),
    op("f64x2.add", &[V128, V128], V128),
    op("f64x2.sub", &[V128, V128], V128),
    op("f64x2.mul", &[V128, V128], V128),
    op("f64x2.div", &[V128, V128], V128),
    op("f64x2.min", &[V128, V128], V128),
    op("f64x2.max", &[V128, V128], V128),
    op("f64x2.pmin", &[V128, V128], V128),
    op("f64x2.pmax", &[V128, V128], V128),
    op("f64x2.sqrt", &[V128], V128),
    op("f64x2.neg", &[V128], V128),
    op("f64x2.abs", &[V128], V128),
];

/// Operators that read the bits of floats, move or round them, or convert to floats.
const OTHERS: &[Op] = &[
    op("i32.reinterpret_f32", &[F32], I32),
    op("i32.trunc_sat_f32_s", &[F32], I32),
    op("i32.trunc_sat_f64_u", &[F64], I32),
    op("i32.trunc_f64_s", &[F64], I32),
    op("i32.wrap_i64", &[I64], I32),
    op("i32.add", &[I32, I32], I32),
    op("i32.xor", &[I32, I32], I32),
    op("i32.shr_u", &[I32, I32], I32),
    op("i32.eqz", &[I32], I32),
    op("f32.eq", &[F32, F32], I32),
    op("f32.ne", &[F32, F32], I32),
    op("f32.lt", &[F32, F32], I32),
    op("f32.ge", &[F32, F32], I32),
    op("f64.eq", &[F64, F64], I32),
    op("f64.ne", &[F64, F64], I32),
    op("f64.gt", &[F64, F64], I32),
    op("f64.le", &[F64, F64], I32),
    op("i32x4.extract_lane {4}", &[V128], I32),
    op("i8x16.extract_lane_s {16}", &[V128], I32),
    op("i16x8.extract_lane_u {8}", &[V128], I32),
    op("i32x4.bitmask", &[V128], I32),
    op("i64x2.all_true", &[V128], I32),
    op("v128.any_true", &[V128], I32),
    op("i64.reinterpret_f64", &[F64], I64),
    op("i64.trunc_sat_f64_s", &[F64], I64),
    op("i64.trunc_sat_f32_u", &[F32], I64),
    op("i64.extend_i32_s", &[I32], I64),
    op("i64.xor", &[I64, I64], I64),
    op("i64.rotl", &[I64, I64], I64),
    op("i64x2.extract_lane {2}", &[V128], I64),
    op("f32.copysign", &[F32, F32], F32),
    op("f32.ceil", &[F32], F32),
    op("f32.floor", &[F32], F32),
    op("f32.trunc", &[F32], F32),
    op("f32.nearest", &[F32], F32),
    op("f32.reinterpret_i32", &[I32], F32),
    op("f32.convert_i32_s", &[I32], F32),
    op("f32.convert_i64_u", &[I64], F32),
    op("f32x4.extract_lane {4}", &[V128], F32),
    op("f64.copysign", &[F64, F64], F64),
    op("f64.ceil", &[F64], F64),
    op("f64.floor", &[F64], F64),
    op("f64.trunc", &[F64], F64),
    op("f64.nearest", &[F64], F64),
    op("f64.reinterpret_i64", &[I64], F64),
    op("f64.convert_i32_u", &[I32], F64),
    op("f64.convert_i64_s", &[I64], F64),
    op("f64x2.extract_lane {2}", &[V128], F64),
    op("f32x4.splat", &[F32], V128),
    op("f64x2.splat", &[F64], V128),
    op("i32x4.splat", &[I32], V128),
    op("i64x2.splat", &[I64], V128),
    op("f32x4.replace_lane {4}", &[V128, F32], V128),
    op("f64x2.replace_lane {2}", &[V128, F64], V128),
    op("i32x4.replace_lane {4}", &[V128, I32], V128),
    op("i8x16.replace_lane {16}", &[V128, I32], V128),
    op("f32x4.ceil", &[V128], V128),
    op("f32x4.nearest", &[V128], V128),
    op("f64x2.floor", &[V128], V128),
    op("f64x2.trunc", &[V128], V128),
    op("f32x4.eq", &[V128, V128], V128),
    op("f32x4.lt", &[V128, V128], V128),
    op("f64x2.ne", &[V128, V128], V128),
    op("f64x2.ge", &[V128, V128], V128),
    op("f32x4.demote_f64x2_zero", &[V128], V128),
    op("f64x2.promote_low_f32x4", &[V128], V128),
    op("f32x4.convert_i32x4_s", &[V128], V128),
    op("f64x2.convert_low_i32x4_u", &[V128], V128),
    op("i32x4.trunc_sat_f32x4_s", &[V128], V128),
    op("i32x4.trunc_sat_f64x2_u_zero", &[V128], V128),
    op("v128.bitselect", &[V128, V128, V128], V128),
    op("v128.and", &[V128, V128], V128),
    op("v128.andnot", &[V128, V128], V128),
    op("v128.or", &[V128, V128], V128),
    op("v128.xor", &[V128, V128], V128),
    op("v128.not", &[V128], V128),
    op("i8x16.shuffle {shuffle}", &[V128, V128], V128),
    op("i8x16.swizzle", &[V128, V128], V128),
    op("i32x4.add", &[V128, V128], V128),
    op("i64x2.sub", &[V128, V128], V128),
    op("i32x4.shl", &[V128, I32], V128),
    op("i64x2.shr_u", &[V128, I32], V128),
    op("i16x8.max_s", &[V128, V128], V128),
];
