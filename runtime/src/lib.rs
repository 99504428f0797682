//! A deterministic sandbox for WebAssembly programs: bytes and a job in, a results directory and a receipt out.
//!
//! All inputs of the program are a function of the job, so every machine that runs the job writes the same files with
//! the same hash. There is no network, real clock, host environment or async code; it can be called from any number of
//! threads.
//!
//! The main types: [`Runtime`] compiles and runs, [`Job`] is the input, [`Receipt`] the outcome.
//!
//! ```
//! use std::{collections::BTreeMap, time::Duration};
//! use bacalhau_runtime::{Job, Options, Outcome, Runtime};
//!
//! let runtime = Runtime::new(&Options::default())?;
//! let module = runtime.load(b"(module (func (export \"_start\")))")?;
//! let job = Job::new(module.cid());
//! let results = tempfile::tempdir()?;
//! let receipt = runtime.run(&module, &job, &BTreeMap::new(), &results.path().join("results"), Duration::from_secs(60))?;
//! assert_eq!(receipt.claim.outcome, Outcome::Exit(0));
//! assert!(receipt.claim.h1.starts_with("h1:"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Modules
//!
//! | module | holds |
//! |---|---|
//! | [`Job`], [`Limits`], [`Profile`] | the job, its limits, and its profile |
//! | [`bounded`] | lists from outside, read up to a number of elements |
//! | `gate` | validation of modules before compilation |
//! | `instrument` | fuel, call depth and canonical NaNs, inside the module |
//! | [`Tier`], `loader`, `optimization`, `optimizer`, `compiler`, `forms` | baseline and optimized compilation, and which form a run uses |
//! | `engine`, `cache` | wasmtime's switches, compiled modules on disk |
//! | [`Control`], [`Deadline`] | cancellation of a run, its live log, and its wall-clock deadline |
//! | `sandbox` | one run: store, limits, call, outcome |
//! | `host_memory` | host memory of a run beside the guest's own |
//! | `input`, `vfs`, `wasi` | file trees, and the 46 functions of WASI preview 1 |
//! | [`Execution`], [`Results`], `staging`, `results`, [`dirhash`] | an ended run, the results directory and its `h1:` |
//! | [`Pool`], [`Run`] | a bounded number of runs at a time, on threads of the pool |
//! | [`CallTrail`] | host calls of the guest, to locate where two runs diverge |
//! | [`Receipt`], [`Outcome`], [`Error`] | the outcome |

mod cache;
mod clock;
mod compiler;
mod engine;
mod error;
mod execution;
mod forms;
mod gate;
mod hashed;
mod host_memory;
pub mod instrument;
mod loader;
mod optimization;
mod optimizer;
mod options;
mod pool;
mod results;
mod runtime;
mod sandbox;
mod staging;
mod tier;
mod vfs;
mod wasi;
mod watchdog;
#[cfg(feature = "parallel")]
mod workers;
#[cfg(not(feature = "parallel"))]
#[path = "workers/caller.rs"]
mod workers;

pub use bacalhau_receipt::{
    CallTrail, Checked, Claim, DEFAULT_ENTRY_POINT, DEFAULT_EPOCH_SECONDS, Difference, Fuel, Job, JobError,
    LIMIT_EXIT_CODE, Limit, Limits, MAX_ARGUMENTS, MAX_JOB_JSON_BYTES, MAX_MEMORY_BYTES, MAX_STACK_BYTES,
    MAX_VARIABLES, Nan, Outcome, Parted, Profile, Publication, PublicationStep, Receipt, ReceiptError, ResultFile,
    Service, Signature, Stack, TRAP_EXIT_CODE, Trap, Unclaimed, bounded,
};
pub use bacalhau_tree::inputs::{Inputs, check_unchanged, identities};
pub use bacalhau_tree::{
    BytesTree, Cid, Control, Deadline, Entry, HostFailure, HostTree, InputError, Kind, Link, MAX_DIGEST_BYTES,
    MAX_PATH_DEPTH, Meter, Meters, Pending, Progress, ReadAt, Stat, Tree, dirhash, identity_of,
};
pub use engine::{Backend, ENGINE};
pub use error::Error;
pub use execution::Execution;
pub use gate::{
    Bound, Excess, Export, Import, Inspection, Measured, Memory, Refusal, RefusalKind, Table, check_entry, describe,
    inspect, measure, profile_of, to_binary,
};
pub use hashed::Results;
pub use options::{AddressSpace, Options, StartOptimizer};
pub use pool::{Pool, PoolOptions, Run, RunState};
pub use results::{claim_results, is_result_name};
pub use runtime::{Module, Runtime};
pub use tier::Tier;
