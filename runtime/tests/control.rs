//! Runs that are ended or bounded from outside.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use bacalhau_runtime::{Control, Deadline, Error, Job, Options, Runtime};

/// Writes `hello`, then does what `rest` says.
fn module(rest: &str) -> String {
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "\10\00\00\00\05\00\00\00")
            (data (i32.const 16) "hello")
            (func (export "_start")
                (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
                {rest}))"#
    )
}

fn run(rest: &str, control: &Control) -> Result<(), Error> {
    let runtime = Runtime::new(&Options::default()).unwrap();
    let module = runtime.load(module(rest).as_bytes()).unwrap();
    let mut job = Job::new(module.cid());
    job.limits.fuel = u64::from(u32::MAX) << 16;
    let dir = tempfile::tempdir().unwrap();
    let deadline = Deadline::under(control, Duration::from_mins(1));
    runtime.execute_under(&deadline, &module, &job, &BTreeMap::new(), dir.path()).map(drop)
}

#[test]
fn an_endless_run_is_ended_from_outside_after_its_words_were_read() {
    let control = Control::default();
    let ended = std::thread::scope(|scope| {
        let run = scope.spawn(|| run("(loop (br 0))", &control));
        // The time-out of the run bounds this.
        while control.log(true, 0, 9).is_empty() && !run.is_finished() {
            std::thread::yield_now();
        }
        assert_eq!(control.log(true, 0, 9), b"hello");
        assert_eq!(control.log(true, 1, 3), b"ell");
        assert_eq!(control.log(true, 9, 3), b"");
        assert_eq!(control.log(false, 0, 9), b"");
        control.cancel();
        run.join().unwrap()
    });
    let error = ended.unwrap_err();
    assert!(matches!(&error, Error::Host(failure) if !failure.is_timeout()), "{error}");
    assert!(error.to_string().contains("was cancelled"), "{error}");
}

#[test]
fn a_run_that_needs_more_disk_than_the_host_gives_is_a_failure_of_the_host() {
    let control = Control::default();
    control.limit_disk(5);
    run("", &control).unwrap();
    let control = Control::default();
    control.limit_disk(4);
    let error = run("", &control).unwrap_err();
    assert!(matches!(&error, Error::Host(_)), "{error}");
    assert!(error.to_string().contains("more than the 4 bytes of disk"), "{error}");
}

#[test]
fn a_run_that_is_cancelled_before_it_begins_does_not_begin() {
    let control = Control::default();
    control.cancel();
    assert!(run("", &control).is_err());
    assert_eq!(control.log(true, 0, 9), b"");
}
