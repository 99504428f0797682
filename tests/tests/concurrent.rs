//! Runs at the same time over the same inputs: none of them waits for another for ever.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use bacalhau_runtime::{HostTree, Inputs, Job, Options, Runtime, Tree};
use tempfile::TempDir;

const ROUNDS: usize = 200;
/// Many times what all rounds take on a machine with a load of 30.
const HUNG: Duration = Duration::from_mins(5);

fn tree(files: usize) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..files {
        let path = dir.path().join(format!("d{}/{number}", number % 7));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, vec![b'x'; 1000 + number]).unwrap();
    }
    dir
}

/// Does `work` on another thread, and fails when it has not ended in time: a test that hangs says nothing.
fn not_hung(what: &str, work: impl FnOnce() + Send + 'static) {
    let (done, ended) = mpsc::channel();
    let worker = thread::spawn(move || {
        work();
        done.send(()).unwrap();
    });
    let hung = ended.recv_timeout(HUNG) == Err(mpsc::RecvTimeoutError::Timeout);
    assert!(!hung, "hung: {what} did not end within {} s", HUNG.as_secs());
    worker.join().unwrap();
}

#[test]
fn runs_that_share_two_or_three_inputs_end() {
    let dirs = [tree(90), tree(60), tree(30)];
    let runtime = Runtime::new(&Options::default()).unwrap();
    let module = runtime.load(b"(module (func (export \"_start\")))").unwrap();
    not_hung("200 rounds of runs that share inputs", move || {
        let place = tempfile::tempdir().unwrap();
        for round in 0..ROUNDS {
            let count = 2 + round % 2;
            let open = |dir: &Path| Arc::new(HostTree::open(dir).unwrap()) as Arc<dyn Tree>;
            let inputs: Inputs =
                dirs[..count].iter().enumerate().map(|(n, dir)| (format!("/in{n}"), open(dir.path()))).collect();
            let mut job = Job::new(module.cid());
            job.inputs = inputs.keys().map(|place| (place.clone(), None)).collect();
            let run = |number: usize| {
                let results = place.path().join(format!("{round}-{number}"));
                runtime.run(&module, &job, &inputs, &results, HUNG).unwrap().claim
            };
            let run = &run;
            let claims: Vec<_> = thread::scope(|scope| {
                let runs: Vec<_> = (0..2 + round % 3).map(|number| scope.spawn(move || run(number))).collect();
                runs.into_iter().map(|run| run.join().unwrap()).collect()
            });
            assert!(claims.iter().all(|claim| *claim == claims[0]), "round {round}: {claims:?}");
        }
    });
}
