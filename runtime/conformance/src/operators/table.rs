//! Operators with operands and one result, by type. Those for control, variables and tables are in `cost`, because they
//! are not expressions.

/// A type of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Type {
    /// 32 bits.
    I32,
    /// 64 bits.
    I64,
    /// A float of 32 bits.
    F32,
    /// A float of 64 bits.
    F64,
    /// A vector of 128 bits.
    V128,
}

impl Type {
    /// All types.
    pub const ALL: [Self; 5] = [Self::I32, Self::I64, Self::F32, Self::F64, Self::V128];

    /// As in the text format.
    pub fn name(self) -> &'static str {
        match self {
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::V128 => "v128",
        }
    }

    fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ty| ty.name() == name)
    }
}

/// One operator that works on values.
#[derive(Clone, Debug)]
pub struct Operator {
    /// As in the text format, with its immediates.
    pub text: &'static str,
    /// Operand types.
    pub takes: Vec<Type>,
    /// Result type, if any.
    pub gives: Option<Type>,
}

/// A signature and the operators that have it, separated by commas.
pub(super) type Family = (&'static str, &'static str);

/// Reads one of the tables.
pub fn operators(table: &[Family]) -> Vec<Operator> {
    let family = |(signature, names): &Family| -> Vec<Operator> {
        let (takes, gives) = signature.split_once("->").unwrap_or((signature, ""));
        let takes: Vec<Type> = takes.split_whitespace().filter_map(Type::of).collect();
        let gives = Type::of(gives.trim());
        names.split(',').map(|text| Operator { text: text.trim(), takes: takes.clone(), gives }).collect()
    };
    table.iter().flat_map(family).collect()
}

/// Operators that have an answer for all values.
pub const TOTAL: &[Family] = &[
    (
        "i32 i32 -> i32",
        "i32.add, i32.sub, i32.mul, i32.and, i32.or, i32.xor, i32.shl, i32.shr_s, i32.shr_u, i32.rotl, i32.rotr, i32.eq, \
         i32.ne, i32.lt_s, i32.lt_u, i32.gt_s, i32.gt_u, i32.le_s, i32.le_u, i32.ge_s, i32.ge_u",
    ),
    ("i32 -> i32", "i32.eqz, i32.clz, i32.ctz, i32.popcnt, i32.extend8_s, i32.extend16_s"),
    (
        "i64 i64 -> i32",
        "i64.eq, i64.ne, i64.lt_s, i64.lt_u, i64.gt_s, i64.gt_u, i64.le_s, i64.le_u, i64.ge_s, i64.ge_u",
    ),
    ("i64 -> i32", "i64.eqz, i32.wrap_i64"),
    ("f32 f32 -> i32", "f32.eq, f32.ne, f32.lt, f32.gt, f32.le, f32.ge"),
    ("f64 f64 -> i32", "f64.eq, f64.ne, f64.lt, f64.gt, f64.le, f64.ge"),
    ("f32 -> i32", "i32.reinterpret_f32, i32.trunc_sat_f32_s, i32.trunc_sat_f32_u"),
    ("f64 -> i32", "i32.trunc_sat_f64_s, i32.trunc_sat_f64_u"),
    (
        "v128 -> i32",
        "v128.any_true, i8x16.all_true, i16x8.all_true, i32x4.all_true, i64x2.all_true, i8x16.bitmask, i16x8.bitmask, \
         i32x4.bitmask, i64x2.bitmask, i8x16.extract_lane_s 3, i8x16.extract_lane_u 15, i16x8.extract_lane_s 2, \
         i16x8.extract_lane_u 7, i32x4.extract_lane 1",
    ),
    (
        "i64 i64 -> i64",
        "i64.add, i64.sub, i64.mul, i64.and, i64.or, i64.xor, i64.shl, i64.shr_s, i64.shr_u, i64.rotl, i64.rotr",
    ),
    ("i64 -> i64", "i64.clz, i64.ctz, i64.popcnt, i64.extend8_s, i64.extend16_s, i64.extend32_s"),
    ("i32 -> i64", "i64.extend_i32_s, i64.extend_i32_u"),
    ("f32 -> i64", "i64.trunc_sat_f32_s, i64.trunc_sat_f32_u"),
    ("f64 -> i64", "i64.reinterpret_f64, i64.trunc_sat_f64_s, i64.trunc_sat_f64_u"),
    ("v128 -> i64", "i64x2.extract_lane 1"),
    ("f32 f32 -> f32", "f32.add, f32.sub, f32.mul, f32.div, f32.min, f32.max, f32.copysign"),
    ("f32 -> f32", "f32.abs, f32.neg, f32.ceil, f32.floor, f32.trunc, f32.nearest, f32.sqrt"),
    ("i32 -> f32", "f32.convert_i32_s, f32.convert_i32_u, f32.reinterpret_i32"),
    ("i64 -> f32", "f32.convert_i64_s, f32.convert_i64_u"),
    ("f64 -> f32", "f32.demote_f64"),
    ("v128 -> f32", "f32x4.extract_lane 2"),
    ("f64 f64 -> f64", "f64.add, f64.sub, f64.mul, f64.div, f64.min, f64.max, f64.copysign"),
    ("f64 -> f64", "f64.abs, f64.neg, f64.ceil, f64.floor, f64.trunc, f64.nearest, f64.sqrt"),
    ("i32 -> f64", "f64.convert_i32_s, f64.convert_i32_u"),
    ("i64 -> f64", "f64.convert_i64_s, f64.convert_i64_u, f64.reinterpret_i64"),
    ("f32 -> f64", "f64.promote_f32"),
    ("v128 -> f64", "f64x2.extract_lane 1"),
    ("i32 -> v128", "i8x16.splat, i16x8.splat, i32x4.splat"),
    ("i64 -> v128", "i64x2.splat"),
    ("f32 -> v128", "f32x4.splat"),
    ("f64 -> v128", "f64x2.splat"),
    ("v128 i32 -> v128", "i8x16.replace_lane 5, i16x8.replace_lane 3, i32x4.replace_lane 2"),
    (
        "v128 i32 -> v128",
        "i8x16.shl, i8x16.shr_s, i8x16.shr_u, i16x8.shl, i16x8.shr_s, i16x8.shr_u, i32x4.shl, i32x4.shr_s, i32x4.shr_u, \
         i64x2.shl, i64x2.shr_s, i64x2.shr_u",
    ),
    ("v128 i64 -> v128", "i64x2.replace_lane 0"),
    ("v128 f32 -> v128", "f32x4.replace_lane 3"),
    ("v128 f64 -> v128", "f64x2.replace_lane 0"),
    (
        "v128 -> v128",
        "v128.not, i8x16.abs, i8x16.neg, i8x16.popcnt, i16x8.abs, i16x8.neg, i32x4.abs, i32x4.neg, i64x2.abs, i64x2.neg, \
         i16x8.extadd_pairwise_i8x16_s, i16x8.extadd_pairwise_i8x16_u, i32x4.extadd_pairwise_i16x8_s, \
         i32x4.extadd_pairwise_i16x8_u, i16x8.extend_low_i8x16_s, i16x8.extend_high_i8x16_s, i16x8.extend_low_i8x16_u, \
         i16x8.extend_high_i8x16_u, i32x4.extend_low_i16x8_s, i32x4.extend_high_i16x8_s, i32x4.extend_low_i16x8_u, \
         i32x4.extend_high_i16x8_u, i64x2.extend_low_i32x4_s, i64x2.extend_high_i32x4_s, i64x2.extend_low_i32x4_u, \
         i64x2.extend_high_i32x4_u",
    ),
    (
        "v128 -> v128",
        "f32x4.abs, f32x4.neg, f32x4.ceil, f32x4.floor, f32x4.trunc, f32x4.nearest, f32x4.sqrt, f64x2.abs, f64x2.neg, \
         f64x2.ceil, f64x2.floor, f64x2.trunc, f64x2.nearest, f64x2.sqrt, f32x4.demote_f64x2_zero, \
         f64x2.promote_low_f32x4, f32x4.convert_i32x4_s, f32x4.convert_i32x4_u, f64x2.convert_low_i32x4_s, \
         f64x2.convert_low_i32x4_u, i32x4.trunc_sat_f32x4_s, i32x4.trunc_sat_f32x4_u, i32x4.trunc_sat_f64x2_s_zero, \
         i32x4.trunc_sat_f64x2_u_zero",
    ),
    (
        "v128 v128 -> v128",
        "v128.and, v128.andnot, v128.or, v128.xor, i8x16.swizzle, \
         i8x16.shuffle 0 17 2 19 4 21 6 23 31 9 29 11 27 13 25 15, i8x16.eq, i8x16.ne, i8x16.lt_s, i8x16.lt_u, \
         i8x16.gt_s, i8x16.gt_u, i8x16.le_s, i8x16.le_u, i8x16.ge_s, i8x16.ge_u, i16x8.eq, i16x8.ne, i16x8.lt_s, \
         i16x8.lt_u, i16x8.gt_s, i16x8.gt_u, i16x8.le_s, i16x8.le_u, i16x8.ge_s, i16x8.ge_u, i32x4.eq, i32x4.ne, \
         i32x4.lt_s, i32x4.lt_u, i32x4.gt_s, i32x4.gt_u, i32x4.le_s, i32x4.le_u, i32x4.ge_s, i32x4.ge_u, i64x2.eq, \
         i64x2.ne, i64x2.lt_s, i64x2.gt_s, i64x2.le_s, i64x2.ge_s",
    ),
    (
        "v128 v128 -> v128",
        "i8x16.add, i8x16.add_sat_s, i8x16.add_sat_u, i8x16.sub, i8x16.sub_sat_s, i8x16.sub_sat_u, i8x16.min_s, \
         i8x16.min_u, i8x16.max_s, i8x16.max_u, i8x16.avgr_u, i8x16.narrow_i16x8_s, i8x16.narrow_i16x8_u, i16x8.add, \
         i16x8.add_sat_s, i16x8.add_sat_u, i16x8.sub, i16x8.sub_sat_s, i16x8.sub_sat_u, i16x8.mul, i16x8.min_s, \
         i16x8.min_u, i16x8.max_s, i16x8.max_u, i16x8.avgr_u, i16x8.narrow_i32x4_s, i16x8.narrow_i32x4_u, \
         i16x8.q15mulr_sat_s, i16x8.extmul_low_i8x16_s, i16x8.extmul_high_i8x16_s, i16x8.extmul_low_i8x16_u, \
         i16x8.extmul_high_i8x16_u, i32x4.add, i32x4.sub, i32x4.mul, i32x4.min_s, i32x4.min_u, i32x4.max_s, \
         i32x4.max_u, i32x4.dot_i16x8_s, i32x4.extmul_low_i16x8_s, i32x4.extmul_high_i16x8_s, \
         i32x4.extmul_low_i16x8_u, i32x4.extmul_high_i16x8_u, i64x2.add, i64x2.sub, i64x2.mul, \
         i64x2.extmul_low_i32x4_s, i64x2.extmul_high_i32x4_s, i64x2.extmul_low_i32x4_u, i64x2.extmul_high_i32x4_u",
    ),
    (
        "v128 v128 -> v128",
        "f32x4.eq, f32x4.ne, f32x4.lt, f32x4.gt, f32x4.le, f32x4.ge, f64x2.eq, f64x2.ne, f64x2.lt, f64x2.gt, f64x2.le, \
         f64x2.ge, f32x4.add, f32x4.sub, f32x4.mul, f32x4.div, f32x4.min, f32x4.max, f32x4.pmin, f32x4.pmax, f64x2.add, \
         f64x2.sub, f64x2.mul, f64x2.div, f64x2.min, f64x2.max, f64x2.pmin, f64x2.pmax",
    ),
    ("v128 v128 v128 -> v128", "v128.bitselect"),
];

/// Operators that trap on some values.
pub const PARTIAL: &[Family] = &[
    ("i32 i32 -> i32", "i32.div_s, i32.div_u, i32.rem_s, i32.rem_u"),
    ("i64 i64 -> i64", "i64.div_s, i64.div_u, i64.rem_s, i64.rem_u"),
    ("f32 -> i32", "i32.trunc_f32_s, i32.trunc_f32_u"),
    ("f64 -> i32", "i32.trunc_f64_s, i32.trunc_f64_u"),
    ("f32 -> i64", "i64.trunc_f32_s, i64.trunc_f32_u"),
    ("f64 -> i64", "i64.trunc_f64_s, i64.trunc_f64_u"),
];

/// Operators on a memory. The first value is an address; they trap when it is outside.
pub const MEMORY: &[Family] = &[
    ("i32 -> i32", "i32.load, i32.load8_s, i32.load8_u, i32.load16_s, i32.load16_u"),
    ("i32 -> i64", "i64.load, i64.load8_s, i64.load8_u, i64.load16_s, i64.load16_u, i64.load32_s, i64.load32_u"),
    ("i32 -> f32", "f32.load"),
    ("i32 -> f64", "f64.load"),
    (
        "i32 -> v128",
        "v128.load, v128.load8x8_s, v128.load8x8_u, v128.load16x4_s, v128.load16x4_u, v128.load32x2_s, v128.load32x2_u, \
         v128.load8_splat, v128.load16_splat, v128.load32_splat, v128.load64_splat, v128.load32_zero, v128.load64_zero",
    ),
    ("i32 v128 -> v128", "v128.load8_lane 7, v128.load16_lane 5, v128.load32_lane 3, v128.load64_lane 1"),
    ("i32 i32 ->", "i32.store, i32.store8, i32.store16"),
    ("i32 i64 ->", "i64.store, i64.store8, i64.store16, i64.store32"),
    ("i32 f32 ->", "f32.store"),
    ("i32 f64 ->", "f64.store"),
    ("i32 v128 ->", "v128.store, v128.store8_lane 15, v128.store16_lane 1, v128.store32_lane 2, v128.store64_lane 0"),
];
