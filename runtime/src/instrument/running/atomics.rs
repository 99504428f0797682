//! Atomic operators on a memory that is not shared.

use super::*;

/// Pulley has none of them.
pub(super) fn run_where_there_are_atomics(text: &str) -> End {
    run_where(text, 1000, |backend| {
        [Backend::Optimized, Backend::Unoptimized].iter().any(|with| with.name() == backend)
    })
}

fn run_body(body: &str) -> End {
    run_where_there_are_atomics(&format!("(module (memory 1) (func (export \"f\") {body}))"))
}

#[test]
fn atomic_operators_compute_what_plain_ones_do() {
    let end = run_where_there_are_atomics(
        "(module (memory 1) (func (export \"f\") (result i32 i64 i32 i32 i32)
           (i32.atomic.store (i32.const 8) (i32.const 40))
           (i32.atomic.rmw.add (i32.const 8) (i32.const 2))
           (i64.atomic.load (i32.const 8))
           (i32.atomic.rmw8.cmpxchg_u (i32.const 8) (i32.const 42) (i32.const 7))
           (i32.atomic.load8_u (i32.const 8))
           (memory.atomic.notify (i32.const 8) (i32.const 1))))",
    );
    assert_eq!(end.results, Ok(vec![40, 42, 42, 7, 0]));
}

#[test]
fn each_costs_what_the_profile_says() {
    // Entering, and a constant for each operand.
    for (body, fuel) in [
        ("atomic.fence", 1 + 20),
        ("(drop (i32.atomic.load (i32.const 0)))", 1 + 1 + 20),
        ("(i64.atomic.store32 (i32.const 0) (i64.const 0))", 1 + 2 + 20),
        ("(drop (i64.atomic.rmw.xchg (i32.const 0) (i64.const 0)))", 1 + 2 + 20),
        ("(drop (memory.atomic.notify (i32.const 0) (i32.const 0)))", 1 + 2 + 100),
    ] {
        let end = run_body(body);
        assert_eq!((end.results, end.fuel), (Ok(vec![]), fuel), "{body}");
    }
}

#[test]
fn what_one_thread_cannot_do_is_a_trap() {
    for (body, trap) in [
        ("(drop (i32.atomic.load (i32.const 2)))", Trap::HeapMisaligned),
        ("(i64.atomic.store (i32.const 4) (i64.const 0))", Trap::HeapMisaligned),
        ("(drop (i32.atomic.rmw.add (i32.const 1) (i32.const 0)))", Trap::HeapMisaligned),
        ("(drop (memory.atomic.notify (i32.const 2) (i32.const 0)))", Trap::HeapMisaligned),
        ("(drop (i32.atomic.load (i32.const 65536)))", Trap::MemoryOutOfBounds),
        // Not aligned, and outside: one of the two, on every engine.
        ("(drop (i32.atomic.load (i32.const 65537)))", Trap::HeapMisaligned),
        ("(drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 0)))", Trap::AtomicWaitNonSharedMemory),
        ("(drop (memory.atomic.wait64 (i32.const 0) (i64.const 1) (i64.const -1)))", Trap::AtomicWaitNonSharedMemory),
    ] {
        assert_eq!(run_body(body).results, Err(Some(trap)), "{body}");
    }
}
