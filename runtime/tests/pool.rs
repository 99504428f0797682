//! Runs on a pool, as an embedder starts, watches and reads them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a test, unlike the library, looks at the host")]

use std::io;
use std::num::NonZero;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use bacalhau_runtime::{
    Deadline, Entry, HostTree, Inputs, Job, Kind, Options, Outcome, Pool, PoolOptions, ReadAt, RunState, Runtime, Stat,
    Tree,
};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_mins(2);

/// Reads `/in` in pieces of 64 KiB and writes `done` to standard output.
const READER: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 3)
    (data (i32.const 0) "in")
    (data (i32.const 32) "\00\00\01\00\00\00\01\00")
    (data (i32.const 48) "\38\00\00\00\04\00\00\00done")
    (func (export "_start")
        (if (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 2) (i32.const 0) (i64.const 2) (i64.const 0)
                (i32.const 0) (i32.const 16)) (then unreachable))
        (loop $more
            (if (call $read (i32.load (i32.const 16)) (i32.const 32) (i32.const 1) (i32.const 20)) (then unreachable))
            (br_if $more (i32.load (i32.const 20))))
        (drop (call $write (i32.const 1) (i32.const 48) (i32.const 1) (i32.const 24)))))"#;

const ENDLESS: &str = r#"(module (func (export "_start") (loop (br 0))))"#;

fn pool(options: PoolOptions) -> (Runtime, Pool, TempDir) {
    let (runtime, place) = (Runtime::new(&Options::default()).unwrap(), TempDir::new().unwrap());
    let pool = Pool::new(&runtime, place.path(), options);
    (runtime, pool, place)
}

fn at_once(runs: usize) -> PoolOptions {
    PoolOptions::default().with_max_runs(NonZero::new(runs).unwrap())
}

/// A job with so much fuel that it is cancelled first, and little memory.
fn endless(runtime: &Runtime) -> (bacalhau_runtime::Module, Job) {
    let module = runtime.load(ENDLESS.as_bytes()).unwrap();
    let mut job = Job::new(module.cid());
    job.limits.fuel = u64::from(u32::MAX) << 16;
    job.limits.memory_bytes = 1 << 20;
    (module, job)
}

fn reader(runtime: &Runtime) -> (bacalhau_runtime::Module, Job) {
    let module = runtime.load(READER.as_bytes()).unwrap();
    let mut job = Job::new(module.cid());
    job.inputs.insert("/in".into(), None);
    (module, job)
}

/// Waits until a run is in progress; the timeout of the run bounds this.
fn until_it_runs(run: &bacalhau_runtime::Run) {
    while run.state() == RunState::Queued {
        std::thread::yield_now();
    }
}

#[test]
fn progress_and_results_are_read_without_a_directory() {
    let (runtime, pool, place) = pool(at_once(1));
    let (module, job) = reader(&runtime);
    let file = place.path().join("input");
    std::fs::write(&file, vec![7; 300_000]).unwrap();
    let inputs: Inputs = [("/in".into(), Arc::new(HostTree::open(&file).unwrap()) as _)].into();
    let run = pool.start(&module, job, inputs, PATIENCE).unwrap();
    let results = run.wait().unwrap();
    let claim = &results.receipt().claim;
    assert_eq!(claim.outcome, Outcome::Exit(0));
    assert_eq!(results.read("stdout", 0, 9).unwrap(), b"done");
    assert_eq!(results.read("stdout", 1, 2).unwrap(), b"on");
    assert_eq!(results.read("stdout", u64::MAX, usize::MAX).unwrap(), b"");
    assert!(results.read("../input", 0, 1).unwrap_err().to_string().contains("no file \"../input\""));
    let progress = run.progress();
    assert_eq!((progress.fuel, progress.bytes_in), (claim.fuel, 300_000));
    assert_eq!((progress.bytes_out, progress.memory_bytes), (4, 3 << 16));
    assert_eq!(progress.bytes_hashed, 300_000 + 4 + 1, "the input, stdout and exitCode");
    assert_eq!(run.state(), RunState::Ended);

    // Kept later, and still to be read.
    let kept = place.path().join("kept");
    results.keep(&kept).unwrap();
    assert_eq!(std::fs::read(kept.join("stdout")).unwrap(), b"done");
    assert_eq!(results.read("stdout", 0, 9).unwrap(), b"done");
    assert!(results.keep(&kept).unwrap_err().to_string().contains("exists already"));
    assert!(results.keep(&place.path().join("other")).unwrap_err().to_string().contains("kept before"));
}

#[test]
fn results_are_copied_to_another_file_system() {
    let shm = std::path::Path::new("/dev/shm");
    let (runtime, pool, _place) = pool(at_once(1));
    let module = runtime.load(br#"(module (func (export "_start")))"#).unwrap();
    let results = pool.start(&module, Job::new(module.cid()), Inputs::new(), PATIENCE).unwrap().wait().unwrap();
    let Ok(other) = TempDir::new_in(shm) else { return eprintln!("skipped: there is no {}", shm.display()) };
    let kept = other.path().join("kept");
    results.keep(&kept).unwrap();
    assert_eq!(std::fs::read(kept.join("exitCode")).unwrap(), b"0");
    assert!(kept.join("outputs").is_dir());
    assert_eq!(other.path().read_dir().unwrap().count(), 1, "nothing else is left there");
}

#[test]
fn as_many_run_as_may_and_one_more_waits() {
    let (runtime, pool, _place) = pool(at_once(1).with_max_queued(1));
    let (module, job) = endless(&runtime);
    let start = || pool.start(&module, job.clone(), Inputs::new(), PATIENCE);
    let first = start().unwrap();
    until_it_runs(&first);
    let second = start().unwrap();
    assert_eq!(second.state(), RunState::Queued);
    let error = start().unwrap_err().to_string();
    assert!(error.contains("1 runs of the pool are waiting") && error.contains("max_queued"), "{error}");
    // One that waits is cancelled at once, although no thread is free.
    second.cancel();
    assert!(second.wait().unwrap_err().is_cancelled());
    assert_eq!(first.state(), RunState::Running);
    assert!(first.wait_for(Duration::ZERO).is_none());
    first.cancel();
    let error = first.wait().unwrap_err();
    assert!(error.is_cancelled() && !error.is_timeout(), "{error}");
}

#[test]
fn memory_of_all_runs_is_bounded() {
    let (runtime, pool, _place) = pool(at_once(4).with_max_memory_bytes(150 << 20));
    let (module, mut job) = endless(&runtime);
    // One page and 64.5 MiB of the host for each: two fit.
    let start = |job: &Job| pool.start(&module, job.clone(), Inputs::new(), PATIENCE);
    let runs: Vec<_> = (0..3).map(|_| start(&job).unwrap()).collect();
    until_it_runs(&runs[0]);
    until_it_runs(&runs[1]);
    assert_eq!(runs[2].state(), RunState::Queued);
    runs[0].cancel();
    until_it_runs(&runs[2]);
    job.limits.memory_bytes = 1 << 30;
    let error = start(&job).unwrap_err().to_string();
    assert!(error.contains("max_memory_bytes of the pool is 157286400"), "{error}");
}

#[test]
fn a_timeout_has_its_own_code() {
    let (runtime, pool, _place) = pool(at_once(1));
    let (module, job) = endless(&runtime);
    let error = pool.start(&module, job, Inputs::new(), Duration::from_millis(50)).unwrap().wait().unwrap_err();
    assert!(error.is_timeout() && !error.is_cancelled(), "{error}");
}

#[test]
fn the_end_of_a_pool_or_of_a_handle_ends_runs() {
    let (runtime, pool, _place) = pool(at_once(1));
    let (module, job) = endless(&runtime);
    let dropped = pool.start(&module, job.clone(), Inputs::new(), PATIENCE).unwrap();
    let control = dropped.control().clone();
    drop(dropped);
    assert!(control.is_cancelled());
    let running = pool.start(&module, job.clone(), Inputs::new(), PATIENCE).unwrap();
    let waiting = pool.start(&module, job, Inputs::new(), PATIENCE).unwrap();
    until_it_runs(&running);
    drop(pool);
    assert!(running.wait().unwrap_err().is_cancelled());
    assert!(waiting.wait().unwrap_err().is_cancelled());
}

#[test]
fn a_hundred_runs_at_once_agree() {
    let (runtime, pool, _place) = pool(at_once(100));
    let module = runtime.load(br#"(module (memory (export "memory") 1) (func (export "_start")))"#).unwrap();
    let start = |_| pool.start(&module, Job::new(module.cid()), Inputs::new(), PATIENCE).unwrap();
    let runs: Vec<_> = (0..100).map(start).collect();
    let claims: Vec<_> = runs.iter().map(|run| run.wait().unwrap().receipt().claim.clone()).collect();
    assert!(claims.iter().all(|claim| *claim == claims[0]));
}

/// A file of a program's own that does what `Conduct` says.
#[derive(Clone, Debug)]
struct Own(Conduct);

#[derive(Clone, Debug)]
enum Conduct {
    PanicInRead,
    PanicInIdentity,
    /// Blocks in reads until the gate is opened.
    Block(Arc<(Mutex<bool>, Condvar)>),
}

impl Tree for Own {
    fn stat(&self, _: &str) -> io::Result<Stat> {
        Ok(Stat::new(Kind::File, 10))
    }

    fn list(&self, _: &str) -> io::Result<Vec<Entry>> {
        Err(io::ErrorKind::NotADirectory.into())
    }

    fn open(&self, _: &str) -> io::Result<Box<dyn ReadAt>> {
        Ok(Box::new(self.clone()))
    }

    fn read_link(&self, _: &str) -> io::Result<String> {
        Err(io::ErrorKind::InvalidInput.into())
    }

    fn identity(&self, _: &Deadline) -> io::Result<String> {
        assert!(!matches!(self.0, Conduct::PanicInIdentity), "on purpose");
        Ok("id".into())
    }
}

impl ReadAt for Own {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        match &self.0 {
            Conduct::PanicInRead => panic!("on purpose"),
            Conduct::PanicInIdentity => {}
            Conduct::Block(gate) => {
                let open = gate.0.lock().unwrap();
                drop(gate.1.wait_while(open, |open| !*open).unwrap());
            }
        }
        let read = buf.len().min(10_usize.saturating_sub(usize::try_from(offset).unwrap()));
        buf[..read].fill(0);
        Ok(read)
    }
}

#[test]
fn a_panic_in_an_own_tree_is_a_failure_of_the_host_wherever_it_is() {
    let (runtime, pool, _place) = pool(at_once(1));
    let (module, job) = reader(&runtime);
    for (conduct, what) in [(Conduct::PanicInRead, "run the program"), (Conduct::PanicInIdentity, "hash the inputs")] {
        let inputs: Inputs = [("/in".into(), Arc::new(Own(conduct)) as _)].into();
        let error = pool.start(&module, job.clone(), inputs, PATIENCE).unwrap().wait().unwrap_err();
        assert!(matches!(&*error, bacalhau_runtime::Error::Host(_)), "{error}");
        assert!(
            error.to_string().contains(&format!("cannot {what}")) && error.to_string().contains("panicked"),
            "{error}"
        );
    }
}

#[test]
fn a_read_that_blocks_does_not_hold_up_a_cancelled_run() {
    let (runtime, pool, _place) = pool(at_once(1));
    let (module, job) = reader(&runtime);
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let inputs: Inputs = [("/in".into(), Arc::new(Own(Conduct::Block(gate.clone()))) as _)].into();
    let run = pool.start(&module, job, inputs, PATIENCE).unwrap();
    until_it_runs(&run);
    run.cancel();
    assert!(run.wait().unwrap_err().is_cancelled());
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
}
