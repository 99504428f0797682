//! The two sides of the benchmarks: a job in the sandbox, and the same program in plain wasmtime with its own WASI, as
//! a host would embed them. Both start with a compiled module, and both are called from one thread.
//!
//! Data by CID is measured on [`Memory`] and on the block store, by [`Least`].
//!
//! The instrumentation alone is measured on guests without WASI (`guests`), on the [`Side`]s of `sides`.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a benchmark that cannot go on has to stop")]

pub mod aggregate;
pub mod cpu_time;
mod least;
mod memory;
mod sides;
pub mod sparse_car;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bacalhau_runtime::{Execution, HostTree, Inputs, Job, Module, Options, Outcome, Runtime};
use tempfile::TempDir;
use wasmtime::{Engine, InstancePre, Linker, Store};
use wasmtime_wasi::p1::{WasiP1Ctx, add_to_linker_sync};
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

pub use least::Least;
pub use memory::Memory;
pub use sides::{Program, Run, Side};

include!(concat!(env!("OUT_DIR"), "/guests.rs"));

/// A program in our sandbox.
#[derive(Debug)]
pub struct Ours {
    runtime: Runtime,
    module: Module,
    place: TempDir,
    run: u64,
    /// Opened once, as for the several runs of one job: the first of them hashes it.
    input: Option<Arc<HostTree>>,
}

impl Ours {
    /// Loads a module, and opens the directory that is its input.
    pub fn new(wasm: &[u8], input: Option<&Path>) -> Self {
        let runtime = Runtime::new(&Options::default()).unwrap();
        let module = runtime.load(wasm).unwrap();
        let input = input.map(|input| Arc::new(HostTree::open(input).unwrap()));
        Self { runtime, module, place: TempDir::new().unwrap(), run: 0, input }
    }

    /// Runs it and drops its output, as plain wasmtime does.
    pub fn execute(&self, args: &[&str]) {
        drop(self.start(args));
    }

    /// Runs it to its hashed results directory, which is then removed.
    pub fn run(&mut self, args: &[&str]) {
        self.run += 1;
        let results = self.place.path().join(self.run.to_string());
        self.start(args).keep(&results).unwrap();
        fs::remove_dir_all(results).unwrap();
    }

    fn start(&self, args: &[&str]) -> Execution {
        let mut job = Job::new(self.module.cid());
        job.args = args.iter().map(|arg| (*arg).to_owned()).collect();
        let mut inputs = Inputs::new();
        if let Some(input) = &self.input {
            job.inputs.insert("/inputs".into(), None);
            inputs.insert("/inputs".into(), input.clone());
        }
        let place = self.place.path();
        let execution = self.runtime.execute(&self.module, &job, &inputs, place, Duration::from_mins(10)).unwrap();
        assert_eq!(execution.outcome(), Outcome::Exit(0));
        execution
    }
}

/// The same program in plain wasmtime: no fuel, no NaN canonicalisation, the host's clock and file system.
pub struct Stock {
    pre: InstancePre<WasiP1Ctx>,
    place: TempDir,
    run: u64,
}

impl Stock {
    /// Loads a module.
    pub fn new(wasm: &[u8]) -> Self {
        let engine = Engine::default();
        let module = wasmtime::Module::new(&engine, wasm).unwrap();
        let mut linker = Linker::new(&engine);
        add_to_linker_sync(&mut linker, |ctx| ctx).unwrap();
        let pre = linker.instantiate_pre(&module).unwrap();
        Self { pre, place: TempDir::new().unwrap(), run: 0 }
    }

    /// Runs it over a directory, with an empty output directory, which is then removed.
    pub fn run(&mut self, args: &[&str], input: Option<&Path>) {
        self.run += 1;
        let outputs: PathBuf = self.place.path().join(self.run.to_string());
        fs::create_dir(&outputs).unwrap();
        let mut builder = WasiCtxBuilder::new();
        // As the wasmtime command does: otherwise each call of the file system goes through another thread.
        builder.allow_blocking_current_thread(true);
        builder.arg("main.wasm").args(args);
        builder.preopened_dir(&outputs, "/outputs", FsPerms::ReadWrite).unwrap();
        if let Some(input) = input {
            builder.preopened_dir(input, "/inputs", FsPerms::ReadOnly).unwrap();
        }
        let mut store = Store::new(self.pre.module().engine(), builder.build_p1());
        let instance = self.pre.instantiate(&mut store).unwrap();
        instance.get_typed_func::<(), ()>(&mut store, "_start").unwrap().call(&mut store, ()).unwrap();
        fs::remove_dir_all(outputs).unwrap();
    }
}

impl std::fmt::Debug for Stock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stock").field("run", &self.run).finish_non_exhaustive()
    }
}

/// One of the committed example modules.
pub fn example(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wasm-examples/modules").join(name).with_extension("wasm");
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The data of the examples.
pub fn example_data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wasm-examples/data").join(name)
}

/// A directory of `count` files of `bytes` bytes each.
pub fn many_files(count: usize, bytes: usize) -> TempDir {
    let dir = TempDir::new().unwrap();
    let content = vec![7; bytes];
    for index in 0..count {
        fs::write(dir.path().join(format!("file-{index:06}")), &content).unwrap();
    }
    dir
}

/// A directory with one file, `big`.
pub fn one_file(bytes: usize) -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("big"), vec![7; bytes]).unwrap();
    dir
}

/// Bytes that no compression, cache or equal block makes cheap.
pub fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next).take(bytes.div_ceil(8)).flatten().take(bytes).collect()
}

/// A number of the environment, or else this.
pub fn setting(name: &str, default: u64) -> u64 {
    let number = |text: String| text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}, and no number"));
    std::env::var(name).map_or(default, number)
}
