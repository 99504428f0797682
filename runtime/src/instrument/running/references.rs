//! References with the type of their function, and references to nothing of the host.

use super::*;

const DECLARED: &str = "(type $step (func (param i32) (result i32))) (elem declare func $double $down $other)
    (func $double (type $step) (i32.mul (local.get 0) (i32.const 2)))
    (func $other (type $step) (i32.const 77))
    (func $down (type $step)
      (if (i32.eqz (local.get 0)) (then (return (i32.const 5))))
      (return_call_ref $step (i32.sub (local.get 0) (i32.const 1)) (ref.func $down)))";

fn returns(body: &str) -> End {
    run_everywhere(&format!("(module {DECLARED} {body})"), 1000)
}

#[test]
fn functions_are_called_by_reference() {
    for (body, results) in [
        (
            "(func (export \"f\") (result i32) (local (ref $step))
               (local.set 0 (ref.func $double)) (call_ref $step (i32.const 21) (local.get 0)))",
            vec![42],
        ),
        ("(func (export \"f\") (result i32) (call_ref $step (i32.const 1000) (ref.func $down)))", vec![5]),
        // A function that gives a reference, by a return and by its end.
        (
            "(func $choose (param i32) (result i32 (ref $step))
               (if (local.get 0) (then (return (i32.const 1) (ref.func $double)))) (i32.const 2) (ref.func $other))
             (func (export \"f\") (result i32 i32)
               (call_ref $step (call $choose (i32.const 1))) (call_ref $step (call $choose (i32.const 0))))",
            vec![2, 77],
        ),
        (
            "(func $one (result (ref null $step)) (call $two) (return (ref.func $double))) (func $two)
             (func (export \"f\") (result i32) (call_ref $step (i32.const 4) (ref.as_non_null (call $one))))",
            vec![8],
        ),
        (
            "(func $is (param (ref null $step)) (result i32)
               (block $null (return (call_ref $step (i32.const 3) (br_on_null $null (local.get 0))))) (i32.const -1))
             (func (export \"f\") (result i32 i32) (call $is (ref.func $double)) (call $is (ref.null $step)))",
            vec![6, -1],
        ),
        (
            "(func $is (param (ref null $step)) (result i32)
               (block $some (result (ref $step)) (br_on_non_null $some (local.get 0)) (return (i32.const -1)))
               (local.set 0) (call_ref $step (i32.const 8) (local.get 0)))
             (func (export \"f\") (result i32 i32) (call $is (ref.func $double)) (call $is (ref.null $step)))",
            vec![16, -1],
        ),
        (
            "(table $t 3 (ref $step) (ref.func $double)) (global $g (ref $step) (ref.func $other))
             (func (export \"f\") (result i32 i32)
               (table.set $t (i32.const 1) (global.get $g))
               (call_ref $step (i32.const 9) (table.get $t (i32.const 0)))
               (call_indirect $t (type $step) (i32.const 9) (i32.const 1)))",
            vec![18, 77],
        ),
        // No reference of the host ever comes in.
        (
            "(table $x 2 externref) (global $g (mut externref) (ref.null extern))
             (func $pass (param externref) (result externref) (local.get 0))
             (func (export \"f\") (result i32 i32 i32)
               (table.set $x (i32.const 0) (call $pass (global.get $g)))
               (ref.is_null (select (result externref) (table.get $x (i32.const 0)) (ref.null extern) (i32.const 1)))
               (table.grow $x (ref.null extern) (i32.const 3)) (table.size $x))",
            vec![1, 2, 5],
        ),
    ] {
        let end = returns(body);
        assert_eq!((end.results, end.left), (Ok(results), 1000), "{body}");
    }
}

#[test]
fn null_is_a_trap_of_its_own() {
    for body in [
        "(drop (call_ref $step (i32.const 1) (ref.null $step)))",
        "(drop (return_call_ref $nothing (ref.null $nothing)))",
        "(drop (ref.as_non_null (ref.null $step)))",
        "(drop (ref.as_non_null (ref.null extern)))",
        "(drop (ref.as_non_null (ref.null func)))",
    ] {
        let end = returns(&format!("(type $nothing (func)) (func (export \"f\") {body})"));
        assert_eq!(end.results, Err(Some(Trap::NullReference)), "{body}");
    }
}

#[test]
fn each_costs_what_the_profile_says() {
    for (body, fuel) in [
        // Both constants, the call, and entering, with three operators there.
        ("(drop (call_ref $step (i32.const 1) (ref.func $double)))", 2 + 1 + 1 + 3),
        ("(drop (ref.as_non_null (ref.func $double)))", 1 + 1),
        ("(block $l (drop (br_on_null $l (ref.func $double))))", 1 + 1),
        ("(drop (block $l (result (ref $step)) (br_on_non_null $l (ref.func $double)) (ref.func $other)))", 1 + 1),
    ] {
        let end = returns(&format!("(func (export \"f\") {body})"));
        assert_eq!((end.results, end.fuel), (Ok(vec![]), 1 + fuel), "{body}");
    }
}

/// The sections are those of V1, and only the function is not.
#[test]
fn equal_types_are_one_also_where_only_a_function_needs_v2() {
    let end = run_everywhere(
        "(module (type $a (func (result i32))) (type $b (func (result i32))) (elem declare func $g)
           (func $g (type $b) (i32.const 7)) (func (export \"f\") (result i32) (call_ref $a (ref.func $g))))",
        1000,
    );
    assert_eq!(end.results, Ok(vec![7]));
}

/// Each type refers to the one before it, and each function returns a reference to such a type.
#[test]
fn a_long_chain_of_types_is_taken() {
    let types: String = (1..4_000).map(|n| format!("(type $t{n} (func (result (ref null $t{}))))", n - 1)).collect();
    let functions: String =
        (1..4_000).map(|n| format!("(func $f{n} (type $t{n}) (call $g) (return (ref.null $t{})))", n - 1)).collect();
    let end = run_everywhere(
        &format!(
            "(module (type $t0 (func)) {types} (func $g) {functions}
               (func (export \"f\") (result i32) (ref.is_null (call $f3999))))"
        ),
        1000,
    );
    assert_eq!(end.results, Ok(vec![1]));
}

#[test]
fn recursion_by_reference_is_counted() {
    let text = format!(
        "(module {DEPTH} (type $f (func)) (elem declare func $f)
           (func $f (export \"f\") (type $f) {DEEPER} (call_ref $f (ref.func $f))))"
    );
    let end = run_everywhere(&text, 600);
    assert_eq!(end.results, Err(Some(Trap::UnreachableCodeReached)));
    assert_eq!(end.depth, Some(100));
}

/// A block behind an operator that may branch is paid only where control comes there. The NaN is followed past it.
#[test]
fn a_block_begins_behind_a_branch_on_null() {
    let text = |reference: &str| {
        format!(
            "(func (export \"f\") (result i64) (local f64)
               (block $l (drop (br_on_null $l ({reference}))) (local.set 0 (f64.add (local.get 0) (f64.const 1))))
               (i64.reinterpret_f64 (f64.sqrt (f64.sub (local.get 0) (f64.const 1)))))"
        )
    };
    let (null, some) = (returns(&text("ref.null $step")), returns(&text("ref.func $double")));
    assert_eq!((null.results, some.results), (Ok(vec![0x7ff8_0000_0000_0000]), Ok(vec![0])));
    assert_eq!(some.fuel - null.fuel, 4, "`local.get`, `const`, `add`, `set`");
}
