//! Exceptions: handlers anywhere, and counters that are exact behind them.

use super::*;

/// Programs that throw and catch in every possible way, with their results.
const CATCHING: [(&str, &[i64]); 12] = [
    // From a callee, with a value.
    (
        "(tag $e (param i32)) (func $g (throw $e (i32.const 7)))
         (func (export \"f\") (result i32) (block $h (result i32) (try_table (catch $e $h) (call $g)) (i32.const 1)))",
        &[7],
    ),
    // Within one function, without a call.
    (
        "(tag $e (param i32 i64)) (func (export \"f\") (result i32 i64)
           (block $h (result i32 i64) (try_table (catch $e $h) (throw $e (i32.const 1) (i64.const 2))) (i32.const 3) (i64.const 4)))",
        &[1, 2],
    ),
    // Nothing is thrown.
    (
        "(tag $e) (func $g) (func (export \"f\") (result i32)
           (block $h (try_table (catch $e $h) (call $g)) (return (i32.const 1))) (i32.const 2))",
        &[1],
    ),
    // The handler is the end of the function.
    (
        "(tag $e (param i32)) (func $g (throw $e (i32.const 9)))
         (func $h (result i32) (try_table (catch $e 0) (call $g)) (i32.const 1))
         (func (export \"f\") (result i32 i32) (call $h) (call $h))",
        &[9, 9],
    ),
    // The handler is the head of a loop.
    (
        "(tag $e) (global $n (mut i32) (i32.const 0))
         (func $g (global.set $n (i32.add (global.get $n) (i32.const 1))) (if (i32.lt_s (global.get $n) (i32.const 50)) (then (throw $e))))
         (func (export \"f\") (result i32) (loop $again (try_table (catch_all $again) (call $g))) (global.get $n))",
        &[50],
    ),
    // Another tag passes; the outer handler takes it.
    (
        "(tag $a) (tag $b (param i32)) (func $g (throw $b (i32.const 5)))
         (func $m (block $h (try_table (catch $a $h) (call $g))))
         (func (export \"f\") (result i32) (block $h (result i32) (try_table (catch $b $h) (call $m)) (i32.const 0)))",
        &[5],
    ),
    // Clean up, and throw on.
    (
        "(tag $e (param i32)) (global $n (mut i32) (i32.const 0)) (func $g (throw $e (i32.const 5)))
         (func $m (param i32) (block $h (result exnref) (try_table (catch_all_ref $h)
             (if (local.get 0) (then (call $m (i32.sub (local.get 0) (i32.const 1)))) (else (call $g)))) (return))
           (global.set $n (i32.add (global.get $n) (i32.const 1))) throw_ref)
         (func (export \"f\") (result i32 i32)
           (block $h (result i32) (try_table (catch $e $h) (call $m (i32.const 20))) (i32.const 0)) (global.get $n))",
        &[5, 21],
    ),
    // Branches out of it, and to its own label.
    (
        "(tag $e) (func $g) (func (export \"f\") (result i32)
           (block $out (block $h (try_table $t (catch $e $h) (call $g) (br_if $t (i32.const 1)) (br $out))
             (return (i32.const 3))) (return (i32.const 2))) (i32.const 1))",
        &[3],
    ),
    // A handler in an `if`, with operands below.
    (
        "(tag $e (param i32)) (func $g (throw $e (i32.const 4)))
         (func (export \"f\") (result i32) (i32.const 100)
           (if (result i32) (i32.const 1) (then (try_table (catch $e 0) (call $g)) (i32.const 1)) (else (i32.const 2)))
           i32.add)",
        &[104],
    ),
    // By a tail call, whose frame is gone when it throws.
    (
        "(tag $e (param i32)) (func $g (param i32) (throw $e (local.get 0)))
         (func $m (local i64 i64 i64 i64) (call $n) (return_call $g (i32.const 8))) (func $n)
         (func (export \"f\") (result i32) (block $h (result i32) (try_table (catch $e $h) (call $m)) (i32.const 0)))",
        &[8],
    ),
    // What is kept of a NaN is what was computed, also where a handler reads it.
    (
        "(tag $e) (func $g (throw $e)) (func $nan (param f64) (result i64) (local f64)
           (block $h (try_table (catch $e $h)
             (local.set 1 (f64.sqrt (local.get 0))) (call $g))) (i64.reinterpret_f64 (local.get 1)))
         (func (export \"f\") (result i64) (call $nan (f64.const -1)))",
        &[0x7ff8_0000_0000_0000],
    ),
    // A vector and a float are thrown.
    (
        "(tag $e (param v128 f32)) (func $g (throw $e (i32x4.splat (i32.const 6)) (f32.const 2)))
         (func (export \"f\") (result i32) (local f32)
           (block $h (result v128 f32) (try_table (catch $e $h) (call $g)) unreachable)
           (local.set 0) (i32x4.extract_lane 3) (i32.trunc_f32_s (local.get 0)) i32.mul)",
        &[12],
    ),
];

#[test]
fn programs_that_catch_compute_the_same_and_give_back_what_they_took() {
    for (text, results) in CATCHING {
        let text = format!("(module {text})");
        gives_back(&text, results);
        // The sign of a NaN that is not made canonical is the processor's.
        assert!(text.contains("$nan") || run_plain(&text).as_deref() == Ok(results), "{text}");
    }
}

/// `depth + 1` frames of 7 slots (4, the parameter, and two operands) are left behind each time.
fn deep(depth: u32, times: u32) -> String {
    format!(
        "(module (tag $e) (func $down (param i32)
           (if (i32.eqz (local.get 0)) (then (throw $e))) (call $down (i32.sub (local.get 0) (i32.const 1))))
         (func (export \"f\") (local i32) (loop $l
           (block $h (try_table (catch $e $h) (call $down (i32.const {depth}))))
           (br_if $l (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const {times}))))))"
    )
}

#[test]
fn frames_that_an_exception_left_are_given_back() {
    // With 101 frames of 7 slots and the outer one, 1000 times: without giving back, the second time would be too much.
    let end = run_everywhere(&deep(100, 1000), 800);
    assert_eq!((end.results, end.left), (Ok(vec![]), 800));
}

#[test]
fn the_fuel_of_an_exception_is_its_price_and_that_of_the_slots_that_it_left() {
    let fuel = |depth| run_everywhere(&deep(depth, 1), 100_000).fuel;
    let (none, one, two) = (fuel(0), fuel(1), fuel(2));
    assert_eq!(one - none, two - one, "linear in the frames");
    // A frame more: entering, `local.get`, `eqz`, `if`; `local.get`, `const`, `sub`, `call`; 7 slots of 40.
    assert_eq!(one - none, 4 + 4 + 7 * 40);
    // Entering twice. `const`, `call`; `local.get`, `eqz`, `if`; the throw; 7 slots; `local.get`, `const`, `add`, `tee`, `const`,
    // `lt_u`, `br_if`.
    assert_eq!(none, 2 + 2 + 3 + 1000 + 7 * 40 + 7);
}

#[test]
fn what_a_throw_leaves_behind_is_exact_where_nobody_catches() {
    for body in [
        "throw $e",
        "i32.const 1 if throw $e end",
        "call $g throw $e",
        "(loop $l call $g throw $e)",
        "(block $h (try_table (catch $other $h) call $g throw $e))",
    ] {
        let text = format!("(module (tag $e) (tag $other) (func $g) (func (export \"f\") {body}))");
        let end = run_everywhere(&text, 1000);
        assert_eq!(end.results, Err(None), "{body}");
        let calls = i64::from(body.contains("call"));
        let ifs = i64::from(body.contains("if"));
        assert_eq!(end.fuel, 1000 + 1 + 2 * calls + 2 * ifs, "{body}");
    }
}

#[test]
fn throwing_a_null_reference_is_a_trap() {
    let end = run_everywhere("(module (func (export \"f\") (throw_ref (ref.null exn))))", 1000);
    assert_eq!(end.results, Err(Some(Trap::NullReference)));
    assert_eq!(end.fuel, 1002);
}

#[test]
fn traps_and_full_stacks_are_not_caught() {
    let catching = |body: &str| {
        format!(
            "(module (table 1 funcref) (func $deep call $deep) (func $g {body}) (func (export \"f\") (result i32)
               (block $h (try_table (catch_all $h) (call $g))) (i32.const 1)))"
        )
    };
    let end = run_everywhere(&catching("unreachable"), 1000);
    assert_eq!(end.results, Err(Some(Trap::UnreachableCodeReached)));
    let end = run_everywhere(&catching("call $deep"), 1000);
    assert_eq!(end.results, Err(Some(Trap::UnreachableCodeReached)));
    assert!(end.left < 0);
    let end = run_everywhere(&catching("(call_indirect (i32.const 0))"), 1000);
    assert_eq!(end.results, Err(Some(Trap::IndirectCallToNull)));
}

#[test]
fn only_modules_with_exceptions_are_marked_and_their_memories_bounded() {
    let maxima = |text: &str| {
        let made = instrument(&wat::parse_str(text).unwrap()).unwrap();
        let module = Module::new(&engines()[0].1, &made).unwrap();
        let memory = module.get_export("m").and_then(|export| export.memory().and_then(wasmtime::MemoryType::maximum));
        (module.get_export(V2_MARK).is_some(), memory)
    };
    assert_eq!(maxima("(module (memory (export \"m\") 1))"), (false, None));
    for with in ["(tag)", "(func (try_table))", "(func (param exnref))", "(func (drop (ref.null exn)))"] {
        assert_eq!(maxima(&format!("(module (memory (export \"m\") 1) {with})")), (true, Some(65_535)), "{with}");
    }
    assert_eq!(maxima("(module (memory (export \"m\") 1 65536) (tag))"), (true, Some(65_535)));
    assert_eq!(maxima("(module (memory (export \"m\") 1 3) (tag))"), (true, Some(3)));
}
