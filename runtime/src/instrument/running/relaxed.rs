//! Relaxed vector operators: the first of the answers that the standard allows.

use super::*;
use crate::gate::proposals;

/// The lanes of a vector that a body computes, as two numbers.
fn vector(body: &str) -> End {
    run_everywhere(
        &format!(
            "(module (func $v (result v128) {body})
               (func (export \"f\") (result i64 i64) (i64x2.extract_lane 0 (call $v)) (i64x2.extract_lane 1 (call $v))))"
        ),
        1000,
    )
}

#[test]
fn each_has_the_answer_of_the_deterministic_profile() {
    for (body, lanes) in [
        (
            "(i8x16.relaxed_swizzle (i8x16.splat (i32.const 7)) (v128.const i8x16 0 15 16 127 -1 -128 17 1 0 0 0 0 0 0 0 0))",
            [0x0700_0000_0000_0707, 0x0707_0707_0707_0707],
        ),
        ("(i32x4.relaxed_trunc_f32x4_s (v128.const f32x4 nan 3e10 -3e10 -1.5))", [0x7fff_ffff_0000_0000, -0x8000_0000]),
        ("(i32x4.relaxed_trunc_f32x4_u (v128.const f32x4 nan 5e9 -1 1.5))", [-0x1_0000_0000, 0x1_0000_0000]),
        ("(i32x4.relaxed_trunc_f64x2_s_zero (v128.const f64x2 1e300 nan))", [0x7fff_ffff, 0]),
        ("(i32x4.relaxed_trunc_f64x2_u_zero (v128.const f64x2 -1 1e300))", [-0x1_0000_0000, 0]),
        // The mask is not extended from its highest bit.
        (
            "(i64x2.relaxed_laneselect (i64x2.splat (i64.const -1)) (i64x2.splat (i64.const 0)) (v128.const i64x2 5 -2))",
            [5, -2],
        ),
        ("(f64x2.relaxed_min (v128.const f64x2 0 nan:0x1) (v128.const f64x2 -0 1))", [i64::MIN, 0x7ff8_0000_0000_0000]),
        ("(f64x2.relaxed_max (v128.const f64x2 -0 1) (v128.const f64x2 0 -nan))", [0, 0x7ff8_0000_0000_0000]),
        (
            "(i16x8.relaxed_q15mulr_s (i16x8.splat (i32.const -32768)) (i16x8.splat (i32.const -32768)))",
            [0x7fff_7fff_7fff_7fff; 2],
        ),
        // Signed bytes, and sums that saturate.
        (
            "(i16x8.relaxed_dot_i8x16_i7x16_s (i8x16.splat (i32.const -128)) (i8x16.splat (i32.const -128)))",
            [0x7fff_7fff_7fff_7fff; 2],
        ),
        (
            "(i16x8.relaxed_dot_i8x16_i7x16_s (v128.const i8x16 -128 1 2 3 4 5 6 7 0 0 0 0 0 0 0 0)
               (v128.const i8x16 -127 10 9 -8 7 6 5 4 0 0 0 0 0 0 0 0))",
            [0x003a_003a_fffa_3f8a, 0],
        ),
        (
            "(i32x4.relaxed_dot_i8x16_i7x16_add_s (i8x16.splat (i32.const -128)) (i8x16.splat (i32.const -128))
               (v128.const i32x4 0 1 2 0x7fffffff))",
            [0xffff_0000_fffe, -0x7fff_0002_ffff_0000],
        ),
        // Rounded twice: fused, it would be 2 to the power of -60.
        (
            "(f64x2.relaxed_madd (f64x2.splat (f64.const 0x1.00000004p0)) (f64x2.splat (f64.const 0x1.00000004p0))
               (v128.const f64x2 -0x1.00000008p0 1))",
            [0, 0x4000_0000_0040_0000],
        ),
        (
            "(f32x4.relaxed_nmadd (f32x4.splat (f32.const 0x1.001p0)) (f32x4.splat (f32.const 0x1.001p0))
               (v128.const f32x4 0x1.002p0 0x1.002p0 0 -inf))",
            [0, -0x007f_ffff_407f_f000],
        ),
        // A NaN of the product is one of the sum, and positive.
        (
            "(f64x2.relaxed_nmadd (v128.const f64x2 nan:0x5 inf) (v128.const f64x2 1 0) (v128.const f64x2 1 1))",
            [0x7ff8_0000_0000_0000; 2],
        ),
    ] {
        assert_eq!(vector(body).results, Ok(lanes.to_vec()), "{body}");
    }
}

#[test]
fn each_costs_as_much_as_what_it_stands_for() {
    for (name, operands, fuel) in [
        ("i8x16.relaxed_swizzle", 2, 1),
        ("i32x4.relaxed_trunc_f32x4_s", 1, 1),
        ("i16x8.relaxed_laneselect", 3, 1),
        ("f32x4.relaxed_min", 2, 1),
        ("i16x8.relaxed_q15mulr_s", 2, 1),
        ("f32x4.relaxed_madd", 3, 2),
        ("f64x2.relaxed_nmadd", 3, 3),
        ("i16x8.relaxed_dot_i8x16_i7x16_s", 2, 9),
        ("i32x4.relaxed_dot_i8x16_i7x16_add_s", 3, 11),
    ] {
        let operand = "(v128.const i64x2 0 0)".repeat(operands);
        let end = run_everywhere(&format!("(module (func (export \"f\") (drop ({name} {operand}))))"), 1000);
        assert_eq!(end.fuel, 1 + i64::try_from(operands).unwrap() + fuel, "{name}");
    }
}

/// Validators read dead code too.
#[test]
fn no_engine_needs_the_proposal() {
    for body in [
        "(drop (f32x4.relaxed_madd (local.get 0) (local.get 0) (local.get 0)))",
        "(return) (drop (f32x4.relaxed_madd))",
        "(block (br 0) (drop (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get 0) (local.get 0) (local.get 0))) (drop))",
        "(unreachable) (f64x2.relaxed_min) (block (i8x16.relaxed_swizzle (local.get 0) (local.get 0)) (drop)) (drop)",
    ] {
        let text = format!("(module (func (export \"f\") (local v128) {body}))");
        let made = instrument(&wat::parse_str(&text).unwrap()).unwrap();
        let validated = Validator::new_with_features(proposals::features_of_engines()).validate_all(&made).map(|_| ());
        assert_eq!(validated.map_err(|error| error.to_string()), Ok(()), "{body}");
    }
}
