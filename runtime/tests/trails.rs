//! Trails of programs that part where it is known.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::time::Duration;

use bacalhau_runtime::{Backend, CallTrail, Inputs, Job, Options, Outcome, Parted, Runtime, Tier};

/// Writes `bytes` bytes to standard output `times` times, reads where `reads` says so, and exits.
fn program(times: u32, odd_one: u32, instead: &str) -> String {
    format!(
        r#"(module
          (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
          (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (memory (export "memory") 1)
          (func (export "_start") (local $n i32)
            (i32.store (i32.const 0) (i32.const 64))
            (i32.store (i32.const 4) (i32.const 2))
            (loop $again
              (local.set $n (i32.add (local.get $n) (i32.const 1)))
              (if (i32.eq (local.get $n) (i32.const {odd_one}))
                (then {instead})
                (else (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
              (br_if $again (i32.lt_u (local.get $n) (i32.const {times}))))
            (call $exit (i32.const 0))))"#
    )
}

const WRITE: &str = "(drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))";
const READ: &str = "(drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))";

fn trail_on(tier: Tier, text: &str) -> CallTrail {
    let runtime = Runtime::new(&Options::default().with_tier(tier)).unwrap();
    let module = runtime.load(text.as_bytes()).unwrap();
    let job = Job::new(module.cid());
    let minute = Duration::from_mins(1);
    let execution = runtime.execute(&module, &job, &Inputs::new(), Path::new("."), minute).unwrap();
    assert_eq!(execution.outcome(), Outcome::Exit(0));
    execution.calls().clone()
}

fn trail(text: &str) -> CallTrail {
    trail_on(Tier::default(), text)
}

#[test]
fn another_function_is_found_at_its_call() {
    let (here, there) = (trail(&program(30, 17, READ)), trail(&program(30, 17, WRITE)));
    let parted = here.parted(&there).unwrap();
    assert_eq!(parted, Parted { same: 16, by: 17, functions: Some(("fd_read", "fd_write")) });
    assert_eq!(parted.to_string(), "host call 17 (fd_read here, fd_write there)");
    assert_eq!(there.parted(&here).unwrap().to_string(), "host call 17 (fd_write here, fd_read there)");
    assert_eq!(here.count, 31, "with proc_exit");
}

#[test]
fn arguments_answers_bytes_and_fuel_are_part_of_a_call() {
    let plain = trail(&program(9, 5, WRITE));
    let in_fifth = "host call 5 (fd_write in both)";
    let others = [
        // Another stream, a stream that is none, other bytes, more work before it.
        WRITE.replace("(i32.const 1) (i32.const 0)", "(i32.const 2) (i32.const 0)"),
        WRITE.replace("(i32.const 1) (i32.const 0)", "(i32.const 9) (i32.const 0)"),
        format!("(i32.store (i32.const 4) (i32.const 1)) {WRITE}"),
        format!("(drop (i32.load (i32.const 0))) {WRITE}"),
    ];
    for other in others {
        let parted = plain.parted(&trail(&program(9, 5, &other))).map(|parted| parted.to_string());
        assert_eq!(parted.as_deref(), Some(in_fifth), "{other}");
    }
}

#[test]
fn a_run_that_ends_sooner_parts_where_it_ends() {
    let (short, long) = (trail(&program(9, 0, WRITE)), trail(&program(12, 0, WRITE)));
    // All writes of the short one are in the long one, which goes on where the short one exits.
    assert_eq!(short.parted(&long).unwrap().to_string(), "host call 10 (proc_exit here, fd_write there)");
    let cut = CallTrail { count: 9, last: short.kept[8].0, kept: short.kept[..9].to_vec(), ..short.clone() };
    assert_eq!(long.parted(&cut).unwrap().to_string(), "host call 10 (fd_write here, no call there)");
    assert_eq!(CallTrail::default().parted(&long).unwrap().to_string(), "host call 1 (no call here, fd_write there)");
}

#[test]
fn the_same_job_leaves_the_same_trail_on_every_backend() {
    let text = program(5_000, 4_000, READ);
    let first = trail(&text);
    assert_eq!(trail(&text), first);
    for backend in [Backend::Optimized, Backend::Baseline, Backend::Unoptimized, Backend::Interpreter] {
        let other = trail_on(Tier::Only(backend), &text);
        assert_eq!(other, first, "{}", backend.name());
        assert_eq!(first.parted(&other), None);
    }
}

#[test]
fn long_runs_are_kept_in_little_and_parted_within_a_stride() {
    let (here, there) = (trail(&program(20_000, 19_001, READ)), trail(&program(20_000, 19_001, WRITE)));
    assert_eq!((here.count, here.stride), (20_001, 8));
    assert_eq!(here.kept.len() as u64, here.count / here.stride);
    let parted = here.parted(&there).unwrap();
    assert_eq!((parted.same, parted.by), (19_000, 19_008));
    assert_eq!(parted.to_string(), "between host call 19001 and 19008");
    assert!(serde_ipld_dagcbor::to_vec(&here).unwrap().len() < 40 << 10);
}
