//! Claims for tests. Nothing was run for them.

use bacalhau_runtime::{Claim, Job, Link, Outcome};

/// A claim of these results and this fuel, all else equal.
pub(super) fn claim(h1: &str, fuel: u64) -> Claim {
    let job = Job::new(Link::of_raw(b""));
    let job_cid = job.cid().unwrap();
    Claim { job, job_cid, outcome: Outcome::Exit(0), fuel, h1: h1.into(), files: Vec::new() }
}
