//! A deterministic sandbox for WebAssembly programs: bytes and a job in, a results directory and a receipt out.
//!
//! Every answer that the program gets is a function of the job alone, so every machine that runs the job writes the same
//! files, and their hash says so. There is no network, no real clock and no environment in here, and no async: call it
//! from as many threads as you like.
//!
//! Three types to learn: [`Runtime`] compiles and runs, [`Job`] says what, [`Receipt`] says what came of it.
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
//! # The rooms
//!
//! | room | holds |
//! |---|---|
//! | [`Job`], [`Limits`], [`Profile`] | what to run, how much it may use, under which rules |
//! | [`bounded`] | lists from outside, read up to a number of elements |
//! | `gate` | refuses a module before it is compiled |
//! | `instrument` | makes the height of the call stack exact, inside the module |
//! | [`Tier`], `loader`, `optimization`, `optimizer`, `compiler`, `forms` | the quick compile, the good one, when each is made, and which of them a run gets |
//! | `engine`, `cache` | wasmtime's switches, compiled modules on disk |
//! | [`Control`], [`Deadline`] | the outside's hold on a run, and its end by the wall clock |
//! | `sandbox` | one run: store, limits, call, outcome |
//! | `host_memory` | what a run has this host keep beside the program's own memory |
//! | `input`, `vfs`, `wasi` | what the guest can see: trees of files, and the 46 functions of WASI preview 1 on them |
//! | [`Execution`], `staging`, `results`, [`dirhash`] | a run that ended, the results directory and its `h1:` |
//! | [`CallTrail`] | what the guest called, to find where two runs parted |
//! | [`Receipt`], [`Outcome`], [`Error`] | what came of it |

pub mod bounded;
mod cache;
mod clock;
mod compiler;
mod engine;
mod error;
mod execution;
mod forms;
mod gate;
mod host_memory;
mod input;
pub mod instrument;
mod job;
mod limits;
mod loader;
mod optimization;
mod optimizer;
mod options;
mod outcome;
mod profile;
mod receipt;
mod results;
mod runtime;
mod sandbox;
mod staging;
mod tier;
mod trail;
mod vfs;
mod wasi;
mod watchdog;

pub use bacalhau_tree::{
    Cid, Control, Deadline, Entry, HostFailure, HostTree, InputError, Kind, Link, MAX_DIGEST_BYTES, MAX_PATH_DEPTH,
    Pending, ReadAt, Stat, Tree, dirhash,
};
pub use engine::{Backend, ENGINE};
pub use error::Error;
pub use execution::Execution;
pub use gate::{
    Bound, Excess, Export, Import, Inspection, Measured, Memory, Refusal, RefusalKind, Table, check_entry, describe,
    inspect, measure, to_binary,
};
pub use input::{Inputs, check_unchanged, identities};
pub use job::{DEFAULT_ENTRY_POINT, DEFAULT_EPOCH_SECONDS, Job, MAX_ARGUMENTS, MAX_VARIABLES};
pub use limits::{Limits, MAX_MEMORY_BYTES, MAX_STACK_BYTES};
pub use options::{Options, StartOptimizer};
pub use outcome::{LIMIT_EXIT_CODE, Limit, Outcome, TRAP_EXIT_CODE, Trap};
pub use profile::{Fuel, Nan, Profile, Stack};
pub use receipt::{
    Checked, Claim, Difference, Publication, PublicationStep, Receipt, ReceiptError, ResultFile, Service, Signature,
    Unclaimed,
};
pub use results::{claim_results, is_result_name};
pub use runtime::{Module, Runtime};
pub use tier::Tier;
pub use trail::{CallTrail, Parted};
