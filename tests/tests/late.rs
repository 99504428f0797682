//! The host's own work for a run ends with the run's time: reading and hashing inputs, and exporting results.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bacalhau_runtime::{Control, Deadline, Entry, Error, Inputs, Job, Kind, Options, ReadAt, Runtime, Stat, Tree};
use bacalhau_tests::{RUNTIME, Run, guests};

const SOON: Duration = Duration::from_millis(300);

/// A directory with the file `f`, of which one call does not return before the test lets it.
#[derive(Clone, Debug)]
struct Blocked {
    call: &'static str,
    gate: Arc<Mutex<()>>,
}

impl Blocked {
    fn says<T>(&self, call: &str, value: T) -> T {
        if self.call == call {
            drop(self.gate.lock().unwrap_or_else(PoisonError::into_inner));
        }
        value
    }
}

impl Tree for Blocked {
    fn stat(&self, path: &str) -> io::Result<Stat> {
        let kind = if path.is_empty() { Kind::Dir } else { Kind::File };
        Ok(if path.is_empty() { Stat::new(kind, 0) } else { self.says("stat", Stat::new(kind, 1)) })
    }

    fn list(&self, _: &str) -> io::Result<Vec<Entry>> {
        Ok(self.says("list", vec![Entry { name: "f".into(), kind: Kind::File }]))
    }

    fn open(&self, _: &str) -> io::Result<Box<dyn ReadAt>> {
        Ok(self.says("open", Box::new(self.clone())))
    }

    fn read_link(&self, _: &str) -> io::Result<String> {
        Err(io::ErrorKind::InvalidInput.into())
    }

    fn identity(&self, _: &Deadline) -> io::Result<String> {
        Ok(self.says("identity", "blocked".into()))
    }

    fn check_unchanged(&self, _: &Deadline) -> io::Result<()> {
        self.says("check_unchanged", Ok(()))
    }
}

impl ReadAt for Blocked {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let count = usize::from(offset == 0 && !buf.is_empty());
        buf[..count].fill(b'x');
        Ok(self.says("read_at", count))
    }
}

#[test]
fn a_run_whose_input_blocks_returns_at_its_time_out() {
    let place = tempfile::tempdir().unwrap();
    for call in ["list", "stat", "open", "read_at", "identity", "check_unchanged"] {
        let gate = Arc::new(Mutex::new(()));
        // While this is held, the call blocks; when the test is over it may go on.
        let _closed = gate.lock().unwrap();
        let run = Run::of(guests::PROBE_EVERYTHING).tree("/inputs", Blocked { call, gate: gate.clone() });
        let results = place.path().join(call);
        let error = run.run_within(SOON, &RUNTIME, &results).unwrap_err();
        assert!(matches!(&error, Error::Host(failure) if failure.is_timeout()), "{call}: {error}");
        assert!(!results.exists());
    }
}

#[test]
fn a_run_whose_input_blocks_can_be_cancelled() {
    let gate = Arc::new(Mutex::new(()));
    let _closed = gate.lock().unwrap();
    let runtime = Runtime::new(&Options::default()).unwrap();
    let module = runtime.load(b"(module (func (export \"_start\")))").unwrap();
    let mut job = Job::new(module.cid());
    job.inputs.insert("/in".into(), None);
    let inputs = Inputs::from([("/in".into(), Arc::new(Blocked { call: "identity", gate: gate.clone() }) as _)]);
    let place = tempfile::tempdir().unwrap();
    let control = Control::default();
    let deadline = Deadline::under(&control, Duration::from_hours(1));
    let ended = std::thread::scope(|scope| {
        let run = scope.spawn(|| runtime.execute_under(&deadline, &module, &job, &inputs, place.path()).map(drop));
        control.cancel();
        run.join().unwrap()
    });
    let error = ended.unwrap_err();
    assert!(matches!(&error, Error::Host(failure) if !failure.is_timeout()), "{error}");
    assert!(error.to_string().contains("was cancelled"), "{error}");
}

/// Answers truly, and too late.
#[derive(Debug)]
struct Late;

impl Tree for Late {
    fn stat(&self, _: &str) -> io::Result<Stat> {
        Ok(Stat::new(Kind::File, 1))
    }

    fn list(&self, _: &str) -> io::Result<Vec<Entry>> {
        Err(io::ErrorKind::NotADirectory.into())
    }

    fn open(&self, _: &str) -> io::Result<Box<dyn ReadAt>> {
        Err(io::ErrorKind::InvalidInput.into())
    }

    fn read_link(&self, _: &str) -> io::Result<String> {
        Err(io::ErrorKind::InvalidInput.into())
    }

    fn identity(&self, deadline: &Deadline) -> io::Result<String> {
        while deadline.check().is_ok() {
            std::thread::yield_now();
        }
        Ok("late".into())
    }
}

#[test]
fn what_is_known_after_the_deadline_is_no_receipt() {
    let place = tempfile::tempdir().unwrap();
    let results = place.path().join("results");
    let run = Run::of(guests::PROBE_STAT).tree("/late", Late);
    let error = run.run_within(SOON, &RUNTIME, &results).unwrap_err();
    assert!(matches!(&error, Error::Host(failure) if failure.is_timeout()), "{error}");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn results_are_not_kept_after_the_deadline() {
    let module = RUNTIME.load(b"(module (func (export \"_start\")))").unwrap();
    let mut job = Job::new(module.cid());
    job.outputs.insert("out".into(), "/out".into());
    let place = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let execution = RUNTIME.execute(&module, &job, &Inputs::new(), place.path(), SOON);
    // On a machine that is very busy the run itself may be late.
    let error = execution.and_then(|execution| {
        while begun.elapsed() <= SOON {
            std::thread::yield_now();
        }
        execution.keep(&place.path().join("results")).map(drop)
    });
    let error = error.unwrap_err();
    assert!(matches!(&error, Error::Host(failure) if failure.is_timeout()), "{error}");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "nothing is left behind");
}
