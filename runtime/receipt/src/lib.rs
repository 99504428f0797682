//! Jobs of the sandbox and receipts of their runs: plain data with one canonical encoding, without an engine.
//!
//! - [`Job`] is a program with its inputs, [`Limits`] and [`Profile`].
//! - [`Receipt`] has the [`Claim`] of a run, its [`Outcome`] and signatures. Claims of two nodes are equal or they
//!   disagree; [`Receipt::parse`] reads a receipt of either encoding.
//! - [`CallTrail`] is a digest of the host calls of a run, to find where two runs differ.
//! - [`bounded`] reads lists from outside up to a number of elements.
//!
//! ```
//! use bacalhau_receipt::{Job, Link};
//!
//! let mut job = Job::new(Link::of_raw(b"the module's bytes"));
//! job.args.push("--verbose".into());
//! job.outputs.insert("report".into(), "/report".into());
//! assert_eq!(job.cid()?, job.clone().cid()?);
//! # Ok::<(), bacalhau_receipt::JobError>(())
//! ```

pub mod bounded;
pub mod calls;
mod job;
mod job_json;
mod limits;
pub mod names;
mod outcome;
mod profile;
mod receipt;
mod trail;

pub use bacalhau_tree::Link;
pub use job::{DEFAULT_ENTRY_POINT, DEFAULT_EPOCH_SECONDS, Job, JobError, MAX_ARGUMENTS, MAX_VARIABLES};
pub use job_json::MAX_JOB_JSON_BYTES;
pub use limits::{Limits, MAX_MEMORY_BYTES, MAX_STACK_BYTES};
pub use outcome::{LIMIT_EXIT_CODE, Limit, Outcome, TRAP_EXIT_CODE, Trap};
pub use profile::{Atomics, Exceptions, Fuel, Nan, Profile, RelaxedSimd, Stack};
pub use receipt::{
    Checked, Claim, Difference, Publication, PublicationStep, Receipt, ReceiptError, ResultFile, Service, Signature,
    Unclaimed,
};
pub use trail::{CallTrail, Parted};
