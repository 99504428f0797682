//! The host ends a run that takes too long, whatever it is at and whatever compiled it, and that is never a result.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use bacalhau_runtime::{Backend, Error, Inputs, Job, Options, Runtime, Tier};

/// Programs that do not end, each by another way of going on.
const ENDLESS: [(&str, &str); 6] = [
    ("an empty loop", "(func (export \"_start\") (loop (br 0)))"),
    (
        "a loop that may trap",
        "(memory 1) (func (export \"_start\") (loop (i32.store (i32.const 0) (i32.load (i32.const 4))) (br 0)))",
    ),
    (
        "a loop on floats",
        "(func (export \"_start\") (local f64) (loop (local.set 0 (f64.sqrt (f64.add (local.get 0) (f64.const 1)))) (br 0)))",
    ),
    (
        "calls without a loop, as many as two to the thousand",
        "(func $f (param i32) (if (local.get 0) (then
           (call $f (i32.sub (local.get 0) (i32.const 1))) (call $f (i32.sub (local.get 0) (i32.const 1))))))
         (func (export \"_start\") (call $f (i32.const 1000)))",
    ),
    (
        "calls from within a loop",
        "(func $f (param i32) (local i32) (if (local.get 0) (then (local.set 1 (i32.const 2))
           (loop (call $f (i32.sub (local.get 0) (i32.const 1)))
             (br_if 0 (local.tee 1 (i32.sub (local.get 1) (i32.const 1))))))))
         (func (export \"_start\") (call $f (i32.const 1000)))",
    ),
    (
        "calls of the host",
        "(import \"wasi_snapshot_preview1\" \"sched_yield\" (func $y (result i32)))
         (func (export \"_start\") (loop (drop (call $y)) (br 0)))",
    ),
];

#[test]
fn every_way_of_going_on_is_ended() {
    for backend in [Backend::Optimized, Backend::Unoptimized, Backend::Baseline, Backend::Interpreter] {
        let runtime = Runtime::new(&Options::default().with_tier(Tier::Only(backend))).unwrap();
        for (what, text) in ENDLESS {
            let module = runtime.load(format!("(module {text})").as_bytes()).unwrap();
            let mut job = Job::new(module.cid());
            job.limits.fuel = i64::MAX.unsigned_abs();
            let place = tempfile::tempdir().unwrap();
            let results = place.path().join("results");
            let timeout = Duration::from_millis(20);
            let ended = runtime.run(&module, &job, &Inputs::new(), &results, timeout);
            assert!(matches!(ended, Err(Error::Host(failure)) if failure.is_timeout()), "{what}, {}", backend.name());
            assert!(!results.exists());
        }
    }
}

/// One deadline is another's business only if it is another's.
#[test]
fn a_run_that_is_ended_leaves_the_others_alone() {
    let runtime = Runtime::new(&Options::default()).unwrap();
    let endless = runtime.load(format!("(module {})", ENDLESS[0].1).as_bytes()).unwrap();
    let counting = "(module (func (export \"_start\") (local i32)
        (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 300000000))))))";
    let counting = runtime.load(counting.as_bytes()).unwrap();
    let run = |module: &bacalhau_runtime::Module, timeout| {
        let mut job = Job::new(module.cid());
        job.limits.fuel = i64::MAX.unsigned_abs();
        let place = tempfile::tempdir().unwrap();
        runtime.run(module, &job, &Inputs::new(), &place.path().join("results"), timeout)
    };
    std::thread::scope(|scope| {
        let ended: Vec<_> = (1..=4)
            .map(|n| {
                scope.spawn({
                    let (run, endless) = (&run, &endless);
                    move || run(endless, Duration::from_millis(10 * n))
                })
            })
            .collect();
        run(&counting, Duration::from_mins(5)).unwrap();
        for ended in ended {
            assert!(matches!(ended.join().unwrap(), Err(Error::Host(failure)) if failure.is_timeout()));
        }
    });
}
