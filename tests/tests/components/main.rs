//! Components, lowered and run: generated worlds compared with wasmtime's own component runtime, the linking of core modules,
//! and programs of several languages.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

mod driver;
mod exact;
mod linking;
mod programs;
mod random;
mod resources;
mod types;
mod values;
mod worlds;

use std::fs;
use std::path::Path;

use bacalhau_runtime::{Inputs, Job, Outcome};
use bacalhau_tests::{PATIENCE, RUNTIME};

/// How a run ended, and its standard output.
#[derive(Debug, PartialEq, Eq)]
struct End {
    outcome: Outcome,
    stdout: Vec<u8>,
    stderr: String,
}

/// Lowers and runs a component.
fn run(component: &[u8]) -> End {
    run_with(component, |_| {}, &Inputs::new(), |_| {})
}

/// The same with a job and inputs of the caller's, who looks at the results.
fn run_with(component: &[u8], change: impl FnOnce(&mut Job), inputs: &Inputs, look: impl FnOnce(&Path)) -> End {
    let module = bacalhau_lower::lower(component, 1 << 30).unwrap_or_else(|error| panic!("{error}"));
    let module = RUNTIME.load(&module).unwrap();
    let mut job = Job::new(module.cid());
    change(&mut job);
    let results = tempfile::tempdir().unwrap();
    let dir = results.path().join("results");
    let receipt = RUNTIME.run(&module, &job, inputs, &dir, PATIENCE).unwrap();
    look(&dir);
    let read = |name: &str| fs::read(dir.join(name)).unwrap();
    let stderr = String::from_utf8_lossy(&read("stderr")).into_owned();
    End { outcome: receipt.claim.outcome, stdout: read("stdout"), stderr }
}
