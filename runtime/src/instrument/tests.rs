//! What the pass does to modules, short of running them (`running` runs them).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use wasmparser::{Operator, Parser, Payload};

use super::*;

fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

/// Instruments, and checks that the outcome is valid in the language of jobs.
fn pass(text: &str) -> Vec<u8> {
    let out = instrument_stoppable(&wasm(text)).unwrap_or_else(|refusal| panic!("{text}\n{refusal}"));
    if let Err(error) = Validator::new_with_features(proposals::features()).validate_all(&out) {
        panic!("{text}\n{error}");
    }
    out
}

/// The bodies of an instrumented module.
fn bodies(wasm: &[u8]) -> Vec<FunctionBody<'_>> {
    let payloads = Parser::new(0).parse_all(wasm).map(|payload| payload.expect("parses"));
    payloads
        .filter_map(|payload| if let Payload::CodeSectionEntry(body) = payload { Some(body) } else { None })
        .collect()
}

/// The price of each function: what is taken from the second of our globals, or none.
fn prices(text: &str) -> Vec<Option<i64>> {
    let out = pass(text);
    let (_, types) = sections(&out, proposals::features()).expect("is valid");
    let stack = types.as_ref().global_count() - 1;
    let price = |body: &FunctionBody<'_>| {
        let operators: Vec<Operator<'_>> =
            body.get_operators_reader().expect("reads").into_iter().filter_map(Result::ok).collect();
        operators.windows(3).find_map(|window| match window {
            [Operator::GlobalGet { global_index }, Operator::I64Const { value }, Operator::I64Add]
                if *global_index == stack =>
            {
                Some(-*value)
            }
            _ => None,
        })
    };
    bodies(&out).iter().map(price).collect()
}

#[test]
fn the_price_is_fixed_part_locals_and_highest_operands() {
    for (function, price) in [
        ("(func $f call $f)", Some(4)),
        ("(func $f (param i32 i64) (local f32) (call $f (i32.const 0) (i64.const 0)))", Some(4 + 3 + 2)),
        ("(func $f (local v128) call $f)", Some(4 + 2)),
        ("(func $f (local v128) call $f (drop (i32.const 0)))", Some(4 + 2 + 2)),
        ("(func $f call $f (drop (i8x16.splat (i32.const 0))))", Some(4 + 2)),
        ("(func $f (result i32 i32) call $f)", Some(4 + 2)),
        ("(func $f return_call $f)", Some(4)),
        ("(func (local i64) (local.set 0 (i64.const 1)))", None),
    ] {
        assert_eq!(prices(&format!("(module {function})")), [price], "{function}");
    }
}

#[test]
fn many_operators_make_a_function_dearer_than_what_it_holds() {
    let sums = "(drop (i32.eqz (i32.const 1)))".repeat(320);
    assert_eq!(prices(&format!("(module (func $f call $f {sums}))")), [Some(4 + 10)]);
}

#[test]
fn a_small_function_without_calls_is_free_and_a_large_one_is_not() {
    let leaf = |locals: usize| format!("(module (func (local {})))", "i64 ".repeat(locals));
    assert_eq!(prices(&leaf(124)), [None]);
    assert_eq!(prices(&leaf(125)), [Some(129)]);
    assert_eq!(prices("(module (func (result i64 v128) (i64.const 0) (v128.const i64x2 0 0)))"), [None]);
}

/// Shapes that have to survive; whether they still compute the same is for the tests that run.
const SHAPES: [&str; 14] = [
    "(module)",
    "(module (memory 1) (data (i32.const 0) \"a\"))",
    "(module (import \"wasi_snapshot_preview1\" \"sched_yield\" (func $y (result i32))) (func (result i32) call $y))",
    "(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $x (param i32))) (func $s (call $x (i32.const 1))) (start $s))",
    "(module (global (mut i64) (i64.const 1)) (func $f (export \"f\") (global.set 0 (i64.const 2)) call $f))",
    "(module (func $f (param i32) (result i32) block (result i32) block (result i32) (br_table 0 1 2 (i32.const 9) (local.get 0)) end end drop (return (call $f (local.get 0)))))",
    "(module (func $f (result i32 i64 v128) call $f return unreachable))",
    "(module (func $f (result i32) call $f drop loop (result i32) (br 1 (i32.const 1)) i32.add end))",
    "(module (func $f (result i32) call $f br 0 drop drop i32.const 1))",
    "(module (func $f (param i32) (if (local.get 0) (then return) (else (br 0))) (call $f (i32.const 0))))",
    "(module (func $f (result i32) (i32.const 7) (i32.const 8) (return_call $f)))",
    "(module (table 2 funcref) (elem (i32.const 0) $f) (type $t (func (param i64) (result i64))) (func $f (type $t) (return_call_indirect (type $t) (local.get 0) (i32.const 0))))",
    "(module (memory 1) (memory 2) (func $f (memory.copy 0 1 (i32.const 0) (i32.const 0) (i32.const 1)) call $f (data.drop 0)) (data \"x\"))",
    "(module (table 1 funcref) (func $f (result funcref) (drop (call $f)) (ref.func $f)) (elem declare func $f))",
];

#[test]
fn every_shape_stays_valid_and_exports_the_counter() {
    for text in SHAPES {
        let out = pass(text);
        let sections = Sections::read(&out).unwrap_or_else(|refusal| panic!("{refusal}"));
        for ours in [FUEL_GLOBAL, STACK_GLOBAL, STOP_MEMORY] {
            assert!(sections.exported.contains(&ours), "{text}: {ours}");
        }
        assert_eq!(sections.exported.contains(&START_FUNCTION), text.contains("(start"), "{text}");
    }
}

#[test]
fn no_start_section_remains() {
    let out = pass("(module (func $s) (start $s))");
    let mut payloads = Parser::new(0).parse_all(&out).map(|payload| payload.expect("parses"));
    assert!(!payloads.any(|payload| matches!(payload, Payload::StartSection { .. })));
}

#[test]
fn names_stay_and_other_custom_sections_go() {
    let out = pass(
        "(module (func $a_name call $a_name) (@custom \".debug_info\" \"old\") (@producers (language \"x\" \"1\")))",
    );
    let payloads = Parser::new(0).parse_all(&out).map(|payload| payload.expect("parses"));
    let custom: Vec<&str> = payloads
        .filter_map(|payload| if let Payload::CustomSection(c) = payload { Some(c.name()) } else { None })
        .collect();
    assert_eq!(custom, ["metadata.code.branch_hint", "name"]);
    assert!(out.windows(6).any(|bytes| bytes == b"a_name"));
}

#[test]
fn what_is_instrumented_is_refused_by_name() {
    let once = pass("(module (func $f call $f))");
    let said = instrument(&once).map_or_else(|refusal| refusal.to_string(), |_| "accepted".into());
    assert!(said.contains("__bacalhau_fuel"), "{said}");
}

#[test]
fn what_the_gate_would_refuse_is_an_error() {
    for text in ["(module (type (struct)))", "(module (func (result i32)))", "(module (func try catch_all end))"] {
        assert!(instrument(&wasm(text)).is_err(), "{text}");
    }
}

#[test]
fn the_outcome_is_the_same_every_time() {
    let function = |n| format!("(func (result i32 i32) call {n} drop drop i32.const {n} i32.const 1)");
    let text: Vec<String> = (0..500).map(function).collect();
    let module = wasm(&format!("(module {})", text.concat()));
    let once = instrument(&module);
    assert!(once.is_ok());
    assert_eq!(once, instrument(&module));
}

#[test]
fn a_function_that_outgrows_engines_is_refused_by_number() {
    let said = |text: &str| instrument(&wasm(text)).map_or_else(|refusal| refusal.to_string(), |_| "accepted".into());
    let locals = |count| format!("(module (func $f (local {}) call $f))", "i32 ".repeat(count));
    assert_eq!(said(&locals(49_998)), "accepted");
    assert!(said(&locals(49_999)).starts_with("function 0 has no room for our locals"));
    // Four bytes, and each begins a block.
    let body = "(br_if 0 (i32.const 0))".repeat(1_000_000);
    let refusal = said(&format!("(module (func) (func {body}))"));
    assert!(refusal.starts_with("function 1 has ") && refusal.contains("more than the 7654321"), "{refusal}");
}
