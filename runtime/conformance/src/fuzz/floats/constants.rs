//! Values to begin with: mostly such that arithmetic on them makes a NaN, or already is one with a payload.

use super::super::dice::Dice;
use super::super::node::{Node, Type};

const F64: [u64; 18] = [
    0x7ff8_0000_0000_0000,
    0xfff8_0000_0000_0000,
    0x7ff8_0000_dead_beef,
    0xfff8_0000_0000_0001,
    0x7ff0_0000_0000_0001,
    0xfff7_ffff_ffff_ffff,
    0xffff_ffff_ffff_ffff,
    0x7ff0_0000_0000_0000,
    0xfff0_0000_0000_0000,
    0x0000_0000_0000_0000,
    0x8000_0000_0000_0000,
    0x3ff0_0000_0000_0000,
    0xc004_0000_0000_0000,
    0x7fef_ffff_ffff_ffff,
    0x0000_0000_0000_0001,
    0x40f8_6a00_0000_0000,
    0xbfd3_3333_3333_3333,
    0x4008_0000_0000_0000,
];

const F32: [u32; 16] = [
    0x7fc0_0000,
    0xffc0_0000,
    0x7fc0_beef,
    0xffc0_0001,
    0x7f80_0001,
    0xffbf_ffff,
    0xffff_ffff,
    0x7f80_0000,
    0xff80_0000,
    0x0000_0000,
    0x8000_0000,
    0x3f80_0000,
    0xc020_0000,
    0x7f7f_ffff,
    0x0000_0001,
    0x4040_0000,
];

/// 64 bits: one double or two singles.
pub(super) fn bits(dice: &mut Dice) -> u64 {
    match dice.below(5) {
        0 | 1 => dice.pick(&F64),
        2 | 3 => u64::from(dice.pick(&F32)) << 32 | u64::from(dice.pick(&F32)),
        _ => dice.bits(),
    }
}

/// A constant.
pub(super) fn constant(ty: Type, dice: &mut Dice) -> Node {
    let head = match ty {
        Type::I32 => format!("i32.const {}", dice.pick(&[0, 1, 2, 3, 7, 31, 64, -1, 0x7fc0_0001])),
        Type::I64 => format!("i64.const {}", bits(dice)),
        Type::F32 => {
            let bits = dice.pick(&F32);
            let mantissa = bits & 0x007f_ffff;
            let sign = if bits >> 31 == 1 { "-" } else { "" };
            if f32::from_bits(bits).is_nan() {
                format!("f32.const {sign}nan:0x{mantissa:x}")
            } else {
                format!("f32.const {}", f32::from_bits(bits))
            }
        }
        Type::F64 => {
            let bits = dice.pick(&F64);
            let mantissa = bits & 0x000f_ffff_ffff_ffff;
            let sign = if bits >> 63 == 1 { "-" } else { "" };
            if f64::from_bits(bits).is_nan() {
                format!("f64.const {sign}nan:0x{mantissa:x}")
            } else {
                format!("f64.const {}", f64::from_bits(bits))
            }
        }
        Type::V128 => format!("v128.const i64x2 {} {}", bits(dice), bits(dice)),
    };
    Node::value(ty, head, [])
}
