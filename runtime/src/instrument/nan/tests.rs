//! Where NaNs are made canonical, and where they are left alone. That the bits come out the same on every engine is for the
//! tests that run programs (`conformance`).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use wasmparser::{FuncValidatorAllocations, Operator};

use super::*;
use crate::gate::proposals;
use crate::instrument::sections;

/// The operators of the first function behind which something is made canonical, and whether with a sign.
fn places(text: &str) -> Vec<(String, bool)> {
    let wasm = wat::parse_str(text).unwrap_or_else(|error| panic!("{text}\n{error}"));
    let (functions, types) =
        sections(&wasm, proposals::features()).unwrap_or_else(|refusal| panic!("{text}\n{refusal}"));
    let module_types = ModuleTypes(&types);
    let (first, body) = functions.into_iter().next().expect("a function");
    let params = module_types.of_function(first.index).0;
    let function = Function::read(first, &body, params, &mut FuncValidatorAllocations::default()).expect("is valid");
    let planned = plan(&function, &Blocks::of(&function.operators), module_types);
    planned.iter().map(|place| (name(&function.operators[place.operator].0), place.negative)).collect()
}

fn name(operator: &Operator<'_>) -> String {
    let debug = format!("{operator:?}");
    debug.split([' ', '{', '(']).next().expect("a name").to_owned()
}

fn check(cases: &[(&str, &[&str])]) {
    for (body, expected) in cases {
        let found: Vec<String> = places(&format!("(module (memory 1) {body})")).into_iter().map(|(at, _)| at).collect();
        assert_eq!(found, *expected, "{body}");
    }
}

#[test]
fn a_result_is_made_canonical_where_somebody_looks_at_its_bits() {
    check(&[
        ("(func (param f64) (result f64) (f64.add (local.get 0) (local.get 0)))", &["F64Add"]),
        ("(func (param f64) (f64.store (i32.const 0) (f64.sqrt (local.get 0))))", &["F64Sqrt"]),
        ("(func (param f32) (result i32) (i32.reinterpret_f32 (f32.mul (local.get 0) (local.get 0))))", &["F32Mul"]),
        (
            "(func (param f64 f64) (result f64) (f64.copysign (local.get 0) (f64.add (local.get 0) (local.get 1))))",
            &["F64Add"],
        ),
        ("(func $f (param f32) (call $f (f32.div (local.get 0) (local.get 0))))", &["F32Div"]),
        (
            "(global $g (mut f64) (f64.const 0)) (func (param f64) (global.set $g (f64.min (local.get 0) (local.get 0))))",
            &["F64Min"],
        ),
        (
            "(func (param f64) (result i64) (f64.neg (f64.add (local.get 0) (local.get 0))) i64.reinterpret_f64)",
            &["F64Add"],
        ),
    ]);
}

#[test]
fn a_result_that_goes_into_arithmetic_and_comparisons_is_left_alone() {
    check(&[
        ("(func (param f64) (drop (f64.add (local.get 0) (local.get 0))))", &[]),
        ("(func (param f64) (result i32) (f64.lt (f64.mul (local.get 0) (local.get 0)) (f64.const 4)))", &[]),
        ("(func (param f64) (result i32) (i32.trunc_sat_f64_s (f64.abs (f64.sqrt (local.get 0)))))", &[]),
        ("(func (param f64) (result f64) (f64.add (f64.mul (local.get 0) (local.get 0)) (f64.const 1)))", &["F64Add"]),
        ("(func (param f32) (result f64) (f64.promote_f32 (f32.add (local.get 0) (local.get 0))))", &["F64PromoteF32"]),
        ("(func (param f64) (result f64) (f64.add (local.get 0) (local.get 0)) drop (local.get 0))", &[]),
    ]);
}

/// A sum that is carried round a loop is made canonical once behind it.
#[test]
fn behind_a_loop_rather_than_in_it() {
    check(&[(
        "(func (param i32) (result f64) (local f64)
           (loop (local.set 1 (f64.add (local.get 1) (f64.load (local.get 0))))
             (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 8)))))
           (local.get 1))",
        &["LocalGet"],
    )]);
    // A parameter may be any NaN, which has to stay as it is if the loop is passed by.
    check(&[(
        "(func (param i32 f64) (result f64)
           (block (br_if 0 (i32.eqz (local.get 0)))
             (loop (local.set 1 (f64.add (local.get 1) (f64.load (local.get 0))))
               (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 8))))))
           (local.get 1))",
        &["F64Add"],
    )]);
    // Negated on the way, so it is the other one.
    let negated = "(module (memory 1) (func (param i32) (result f64) (local f64)
        (loop (local.set 1 (f64.neg (f64.add (f64.abs (local.get 1)) (f64.load (local.get 0)))))
          (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 8)))))
        (local.get 1)))";
    assert_eq!(places(negated), [("LocalGet".to_owned(), true)]);
}

#[test]
fn one_local_with_two_values_is_two_values() {
    check(&[(
        "(func (param f64) (result f64) (local f64)
           (local.set 1 (f64.add (local.get 0) (f64.const 1)))
           (drop (f64.lt (local.get 1) (f64.const 0)))
           (local.set 1 (f64.mul (local.get 0) (f64.const 2)))
           (local.get 1))",
        &["F64Mul"],
    )]);
}

#[test]
fn every_way_to_a_meeting_counts() {
    check(&[
        (
            "(func (param i32 f64) (result f64)
               (if (result f64) (local.get 0) (then (f64.add (local.get 1) (local.get 1))) (else (f64.sqrt (local.get 1)))))",
            &["F64Add", "F64Sqrt"],
        ),
        (
            "(func (param i32 f64) (result f64) (local f64)
               (block (local.set 2 (f64.add (local.get 1) (local.get 1))) (br_if 0 (local.get 0))
                 (local.set 2 (f64.mul (local.get 1) (local.get 1))))
               (local.get 2))",
            &["F64Add", "F64Mul"],
        ),
        (
            "(func (param i32 f64) (result f64)
               (block (result f64) (f64.div (local.get 1) (local.get 1)) (br_table 0 0 (local.get 0))))",
            &["F64Div"],
        ),
        (
            "(func (param i32 f64) (result f64)
               (select (f64.add (local.get 1) (local.get 1)) (f64.sub (local.get 1) (local.get 1)) (local.get 0)))",
            &["F64Add", "F64Sub"],
        ),
        ("(func (param f64) (result f64) (return (f64.add (local.get 0) (local.get 0))))", &["F64Add"]),
        ("(func (param f64) (result f64) unreachable (f64.add (local.get 0) (local.get 0)))", &[]),
    ]);
}

#[test]
fn a_vector_that_is_taken_for_another_shape_is_looked_at() {
    check(&[
        ("(func (param v128) (drop (f32x4.mul (f32x4.add (local.get 0) (local.get 0)) (local.get 0))))", &[]),
        ("(func (param v128) (drop (f64x2.mul (f32x4.add (local.get 0) (local.get 0)) (local.get 0))))", &["F32x4Add"]),
        ("(func (param v128) (drop (i32x4.add (f32x4.add (local.get 0) (local.get 0)) (local.get 0))))", &["F32x4Add"]),
        ("(func (param v128) (drop (f32x4.lt (f32x4.add (local.get 0) (local.get 0)) (local.get 0))))", &[]),
        (
            "(func (param v128) (result v128) (f32x4.pmin (f32x4.add (local.get 0) (local.get 0)) (local.get 0)))",
            &["F32x4Add"],
        ),
    ]);
}

#[test]
fn a_function_that_is_too_much_to_follow_is_made_canonical_everywhere() {
    // Locals times branches: 1,000 floats that meet 5,000 times.
    let locals = "f64 ".repeat(1000);
    let branches = "(block (br_if 0 (local.get 0)) (local.set 1 (f64.add (local.get 1) (local.get 2))))".repeat(5000);
    let text = format!("(module (func (param i32) (local {locals}) {branches}))");
    assert_eq!(places(&text).len(), 5000);
}

/// A function of so many nested blocks with a `br_table` to all of them, and so many float locals that nobody uses.
fn table_over_unused_locals(targets: usize, locals: usize) -> String {
    let (blocks, ends) = ("block ".repeat(targets), "end ".repeat(targets));
    let (labels, locals) = ((0..targets).map(|label| format!("{label} ")).collect::<String>(), "f64 ".repeat(locals));
    format!(
        "(module (func (param f64) (result f64) (local {locals}) (f64.add (local.get 0) (local.get 0))
           {blocks} i32.const 0 br_table {labels} {ends}))"
    )
}

#[test]
fn one_operator_with_many_targets_does_not_copy_all_locals_for_each() {
    // 16 million versions; what is given up is made canonical where it is computed.
    assert_eq!(places(&table_over_unused_locals(4_000, 4_000)), [("F64Add".to_owned(), false)]);
}
