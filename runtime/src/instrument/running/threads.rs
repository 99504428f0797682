//! A shared memory, which becomes the memory of one thread.

use super::atomics::run_where_there_are_atomics;
use super::*;

fn run_body(memory: &str, body: &str) -> End {
    run_where_there_are_atomics(&format!("(module {memory} (func (export \"f\") {body}))"))
}

#[test]
fn a_wait_compares_and_times_out() {
    for (body, answer) in [
        ("(memory.atomic.wait32 (i32.const 8) (i32.const 1) (i64.const -1))", 1),
        ("(memory.atomic.wait32 (i32.const 8) (i32.const 0) (i64.const 0))", 2),
        ("(memory.atomic.wait64 (i32.const 8) (i64.const 1) (i64.const 7))", 1),
        ("(memory.atomic.wait64 (i32.const 8) (i64.const 0) (i64.const 9223372036854775807))", 2),
        ("(memory.atomic.notify (i32.const 8) (i32.const 1))", 0),
    ] {
        let end = run_body("(memory 1 1 shared)", &format!("(result i32) {body}"));
        let operands = i64::try_from(body.matches(".const").count()).unwrap();
        assert_eq!((end.results, end.fuel), (Ok(vec![answer]), 1 + operands + 100), "{body}");
    }
}

#[test]
fn an_endless_wait_is_a_trap_after_the_checks_of_the_address() {
    for (body, trap) in [
        ("(memory.atomic.wait32 (i32.const 8) (i32.const 0) (i64.const -1))", Trap::AtomicWaitNonSharedMemory),
        (
            "(memory.atomic.wait64 offset=8 (i32.const 65528) (i64.const 0) (i64.const -9223372036854775808))",
            Trap::MemoryOutOfBounds,
        ),
        ("(memory.atomic.wait64 (i32.const 4) (i64.const 0) (i64.const -1))", Trap::HeapMisaligned),
        ("(memory.atomic.wait32 (i32.const 65536) (i32.const 0) (i64.const -1))", Trap::MemoryOutOfBounds),
    ] {
        let end = run_body("(memory 1 1 shared)", &format!("(drop {body})"));
        assert_eq!(end.results, Err(Some(trap)), "{body}");
    }
}

#[test]
fn an_imported_memory_is_defined_where_it_was() {
    let text = |export: &str| {
        format!(
            "(module (import \"env\" \"memory\" (memory $first 2 5 shared)) (memory $second 1) {export}
               (data (memory $second) (i32.const 4) \"\\09\")
               (func (export \"f\") (result i32 i32 i32 i32)
                 (i32.atomic.store $first (i32.const 4) (i32.const 7))
                 (i32.load $first (i32.const 4)) (i32.load $second (i32.const 4))
                 (memory.size $first) (memory.grow $first (i32.const 4))))"
        )
    };
    for export in ["", "(export \"memory\" (memory $first))", "(export \"memory\" (memory $second))"] {
        let end = run_where_there_are_atomics(&text(export));
        assert_eq!(end.results, Ok(vec![7, 9, 2, -1]), "{export}");
    }
    let made = instrument(&wat::parse_str(text("")).unwrap()).unwrap();
    let module = Module::new(&engines()[0].1, &made).unwrap();
    assert_eq!(module.imports().len(), 0);
    let memory = module.get_export("memory").unwrap();
    let memory = memory.unwrap_memory();
    assert!(!memory.is_shared());
    assert_eq!((memory.minimum(), memory.maximum()), (2, Some(5)));
}

#[test]
fn other_imports_stay_and_the_maximum_of_a_shared_memory_is_bounded() {
    let text = "(module (import \"a\" \"f\" (func (param i32))) (import \"env\" \"memory\" (memory 1 65536 shared))
        (import \"b\" \"g\" (global i64)) (func (export \"h\") (call 0 (i32.wrap_i64 (global.get 0)))))";
    let made = instrument(&wat::parse_str(text).unwrap()).unwrap();
    let module = Module::new(&engines()[0].1, &made).unwrap();
    let imports: Vec<_> =
        module.imports().map(|import| (import.module().to_owned(), import.name().to_owned())).collect();
    assert_eq!(imports, [("a".into(), "f".into()), ("b".into(), "g".into())]);
    let memory = module.get_export("memory").and_then(|export| export.memory().and_then(wasmtime::MemoryType::maximum));
    assert_eq!(memory, Some(65_535));
}

#[test]
fn a_shared_memory_beside_another_imported_one_is_refused() {
    let text = "(module (import \"a\" \"m\" (memory 1)) (import \"env\" \"memory\" (memory 1 2 shared)))";
    let refusal = instrument(&wat::parse_str(text).unwrap()).unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::Import);
}
