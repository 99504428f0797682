//! Runs instrumented programs in tests: results, fuel and stack depth are equal on Cranelift at two optimization
//! levels, Winch, and the Pulley interpreter.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use wasmtime::{Engine, Instance, Module, Store, ThrownException, Trap, Val};

use super::*;
use crate::engine::{Backend, engine};
use crate::options::Options;
use bacalhau_receipt::MAX_STACK_BYTES;

mod addresses;
mod atomics;
mod exceptions;
mod references;
mod relaxed;
mod threads;
mod wide;

/// As much as `engine` allows a guest, and some for ourselves: the native stack is never the one to end.
const NATIVE_STACK_BYTES: usize = (512 + 8) << 20;

/// Result of a run.
#[derive(Debug, PartialEq)]
struct End {
    /// The results of `f` as numbers, or the trap; none for an exception that `f` does not catch.
    results: Result<Vec<i64>, Option<Trap>>,
    /// The counter afterwards.
    left: i64,
    /// The global `depth`, if the program exports one.
    depth: Option<i32>,
    /// Fuel used, below zero if there was too little.
    fuel: i64,
}

/// The engines that jobs run on.
fn engines() -> Vec<(&'static str, Engine)> {
    let backends = [Backend::Optimized, Backend::Unoptimized, Backend::Baseline, Backend::Interpreter];
    backends
        .into_iter()
        .map(|backend| (backend.name(), engine(backend, &Options::default()).expect("an engine")))
        .collect()
}

fn run(engine: &Engine, wasm: &[u8], slots: i64) -> End {
    let module = Module::new(engine, wasm).expect("compiles");
    let mut store = Store::new(engine, ());
    let instance = Instance::new(&mut store, &module, &[]).expect("instantiates");
    let stack = instance.get_global(&mut store, STACK_GLOBAL);
    let fuel = instance.get_global(&mut store, FUEL_GLOBAL);
    for (counter, value) in [(&stack, slots), (&fuel, i64::MAX)] {
        if let Some(counter) = counter {
            counter.set(&mut store, Val::I64(value)).expect("a mutable i64");
        }
    }
    let results = call(&mut store, &instance);
    let left = stack.map_or(slots, |counter| counter.get(&mut store).unwrap_i64());
    let fuel = fuel.map_or(0, |counter| i64::MAX - counter.get(&mut store).unwrap_i64());
    let depth = instance.get_global(&mut store, "depth").map(|global| global.get(&mut store).unwrap_i32());
    End { results, left, depth, fuel }
}

fn call(store: &mut Store<()>, instance: &Instance) -> Result<Vec<i64>, Option<Trap>> {
    let function = instance.get_func(&mut *store, "f").expect("exports f");
    let mut results = vec![Val::I32(0); function.ty(&mut *store).results().len()];
    function.call(&mut *store, &[], &mut results).map_err(|error| {
        assert!(error.is::<Trap>() || error.is::<ThrownException>(), "{error:?}");
        error.downcast_ref::<Trap>().copied()
    })?;
    Ok(results.iter().map(number).collect())
}

fn number(value: &Val) -> i64 {
    match value {
        Val::I32(value) => i64::from(*value),
        Val::I64(value) => *value,
        other => panic!("f returns {other:?}"),
    }
}

/// Instruments a text and runs it on every engine, on a thread with sufficient native stack. Winch has no tail calls and no
/// exceptions, and may leave it out.
fn run_everywhere(text: &str, slots: i64) -> End {
    run_where(text, slots, |backend| backend != Backend::Baseline.name())
}

/// The same, on the engines that have to take it and on those others that do.
fn run_where(text: &str, slots: i64, has_to: fn(&str) -> bool) -> End {
    let wasm = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    let wasm = instrument_stoppable(&wasm).unwrap_or_else(|refusal| panic!("{refusal}"));
    on_a_large_stack(move || {
        let ends: Vec<_> = engines()
            .iter()
            .filter(|(name, engine)| has_to(name) || Module::new(engine, &wasm).is_ok())
            .map(|(name, engine)| (*name, run(engine, &wasm, slots)))
            .collect();
        let mut ends = ends.into_iter();
        let (_, first) = ends.next().expect("four engines");
        for (name, end) in ends {
            assert_eq!(end, first, "{name}");
        }
        first
    })
}

fn on_a_large_stack<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(NATIVE_STACK_BYTES).spawn(run).expect("a thread");
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

const DEPTH: &str = "(global $depth (export \"depth\") (mut i32) (i32.const 0))";
const DEEPER: &str = "(global.set $depth (i32.add (global.get $depth) (i32.const 1)))";

#[test]
fn endless_recursion_ends_at_the_depth_that_the_price_says() {
    // Price 6: fixed 4 and two operands.
    let end = run_everywhere(&format!("(module {DEPTH} (func $f (export \"f\") {DEEPER} call $f))"), 6000);
    assert_eq!(end.results, Err(Some(Trap::UnreachableCodeReached)));
    assert_eq!(end.depth, Some(1000));
    assert_eq!(end.left, -6);
}

#[test]
fn large_frames_and_vectors_end_it_earlier() {
    let locals = "i64 ".repeat(90);
    let text = format!("(module {DEPTH} (func $f (export \"f\") (local {locals}) {DEEPER} call $f))");
    assert_eq!(run_everywhere(&text, 9600).depth, Some(100));
    let text = format!("(module {DEPTH} (func $f (export \"f\") (local v128) {DEEPER} call $f))");
    assert_eq!(run_everywhere(&text, 1000).depth, Some(100));
}

#[test]
fn recursion_through_a_table_is_counted() {
    let text = format!(
        "(module {DEPTH} (table 1 funcref) (elem (i32.const 0) $f)
           (func $f (export \"f\") {DEEPER} (call_indirect (i32.const 0))))"
    );
    assert_eq!(run_everywhere(&text, 600).depth, Some(100));
}

#[test]
fn a_million_tail_calls_take_no_height() {
    let text = "(module
        (func $even (param i32) (result i32)
          (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
          (return_call $odd (i32.sub (local.get 0) (i32.const 1))))
        (func $odd (param i32) (result i32)
          (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
          (return_call $even (i32.sub (local.get 0) (i32.const 1))))
        (func (export \"f\") (result i32) (call $even (i32.const 1000000))))";
    let end = run_everywhere(text, 100);
    assert_eq!((end.results, end.left), (Ok(vec![1]), 100));
}

#[test]
fn a_trap_of_the_program_itself_leaves_the_counter_positive() {
    let end = run_everywhere("(module (func $g) (func (export \"f\") call $g unreachable))", 100);
    assert_eq!((end.results, end.left), (Err(Some(Trap::UnreachableCodeReached)), 96));
}

/// Programs that leave functions in every possible way, with their results.
const PROGRAMS: [(&str, &[i64]); 8] = [
    (
        "(func $fib (param i32) (result i32)
           (if (i32.lt_s (local.get 0) (i32.const 2)) (then (return (local.get 0))))
           (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2)))))
         (func (export \"f\") (result i32) (call $fib (i32.const 15)))",
        &[610],
    ),
    (
        "(func $two (param i32) (result i32 i64) (local.get 0) (i64.const 7) (if (i32.eqz (local.get 0)) (then call $g)))
         (func $g)
         (func (export \"f\") (result i32 i64) (call $two (i32.const 3)))",
        &[3, 7],
    ),
    (
        "(func $g) (func (export \"f\") (result i32 i64 i32) call $g
           (i32.const 9) (i32.const 1) (i64.const 2) (i32.const 3) return)",
        &[1, 2, 3],
    ),
    ("(func $g) (func (export \"f\") (result i32) call $g (i32.const 5) (br 0) unreachable)", &[5]),
    (
        "(func $g) (func $pick (param i32) (result i32) call $g
           (block (block (br_table 0 1 (local.get 0))) (return (i32.const 10))) (i32.const 20))
         (func (export \"f\") (result i32 i32 i32)
           (call $pick (i32.const 0)) (call $pick (i32.const 1)) (i32.const 30))",
        &[10, 20, 30],
    ),
    (
        "(func $g) (func $loop (param i32) (result i32) (local i32) call $g
           (loop $l (local.set 1 (i32.add (local.get 1) (local.get 0)))
             (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))
             (br_if 1 (local.get 1) (i32.gt_s (local.get 1) (i32.const 10))) drop) (i32.const -1))
         (func (export \"f\") (result i32 i32) (call $loop (i32.const 10)) (call $loop (i32.const 2)))",
        &[55, -1],
    ),
    (
        "(memory 1) (memory 1) (func $g) (func (export \"f\") (result i32) call $g
           (i32.store 0 (i32.const 0) (i32.const 77)) (memory.copy 1 0 (i32.const 4) (i32.const 0) (i32.const 4))
           (i32.load 1 (i32.const 4)))",
        &[77],
    ),
    (
        "(func $v (param v128) (result v128) (call $w (local.get 0)) (local.get 0) (i32x4.add))
         (func $w (param v128) (result v128) (local.get 0))
         (func (export \"f\") (result i32) (i32x4.extract_lane 2 (call $v (i32x4.splat (i32.const 21)))))",
        &[42],
    ),
];

#[test]
fn programs_compute_the_same_and_give_back_what_they_took() {
    for (text, results) in PROGRAMS {
        let text = format!("(module {text})");
        gives_back(&text, results);
        assert_eq!(run_plain(&text).as_deref(), Ok(results), "{text}");
    }
}

/// The program returns these results on every engine, and its frames are given back.
fn gives_back(text: &str, results: &[i64]) {
    let end = run_everywhere(text, 1000);
    assert_eq!(end.results.as_deref(), Ok(results), "{text}");
    assert_eq!(end.left, 1000, "{text}");
}

/// The results of a text that is not instrumented.
fn run_plain(text: &str) -> Result<Vec<i64>, Option<Trap>> {
    let plain = wat::parse_str(text).expect("parses");
    on_a_large_stack(move || run(&engines()[0].1, &plain, 1000)).results
}

/// A frame that an optimiser makes much larger than its price: values computed before the call and used after it. Floats
/// take twice the room of integers.
#[test]
fn the_native_stack_does_not_end_first() {
    let integer = |n: usize| format!("(i64.mul (local.get 0) (i64.const {}))", 1_000_003 * n);
    let float = |n: usize| format!("(i64.reinterpret_f64 (f64.mul (f64.load (i32.const 0)) (f64.const {n}.5)))");
    for values in [1, 64, 256, 4096] {
        for value in [&integer as &dyn Fn(usize) -> String, &float] {
            let use_value = |n| format!("(global.set $sink (i64.xor (global.get $sink) {}))", value(n));
            let all = (1..=values).map(use_value).collect::<Vec<_>>().concat();
            let text = format!(
                "(module {DEPTH} (memory 1) (global $sink (mut i64) (i64.const 0))
                   (func $g (param i64) {all} {DEEPER} (call $g (i64.add (local.get 0) (i64.const 1))) {all})
                   (func (export \"f\") (call $g (i64.const 1))))"
            );
            let end = run_everywhere(&text, i64::try_from(MAX_STACK_BYTES / SLOT_BYTES).unwrap());
            assert_eq!(end.results, Err(Some(Trap::UnreachableCodeReached)), "{values} values");
            assert!(end.left < 0, "{values} values");
        }
    }
}

/// Floats that only depend on a parameter, in a loop: an optimiser computes them all before the call in front of them.
#[test]
fn invariant_floats_across_a_call_stay_within_the_native_stack() {
    for values in [64, 1024] {
        let sums: String = (1..=values)
            .map(|n| format!("(local.set 1 (f64.add (local.get 1) (f64.mul (local.get 0) (f64.const {n}.5))))"))
            .collect();
        let text = format!(
            "(module {DEPTH} (global $go (mut i32) (i32.const 1))
               (func $g (param f64) (result f64) (local f64)
                 (loop {DEEPER} (local.set 1 (call $g (local.get 0))) {sums} (br_if 0 (global.get $go)))
                 (local.get 1))
               (func (export \"f\") (drop (call $g (f64.const 1)))))"
        );
        let end = run_everywhere(&text, i64::try_from(MAX_STACK_BYTES / SLOT_BYTES).unwrap());
        assert_eq!(end.results, Err(Some(Trap::UnreachableCodeReached)), "{values} values");
        assert!(end.left < 0, "{values} values");
    }
}
