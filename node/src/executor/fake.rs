//! An executor for tests: truthful, lying or failing, as the test says. No sandbox comes to different results by itself.

use std::fs;
use std::path::Path;
use std::time::Duration;

use bacalhau_runtime::{Claim, Error, HostFailure, Inputs, Job, Outcome, Receipt, ResultFile, Unclaimed, dirhash};

use super::Executor;

/// Writes one file, and says something else in it in the executions that are told to lie.
pub(crate) struct Fake {
    /// Numbers of the executions that come to another result.
    pub(crate) liars: &'static [u16],
    /// Numbers of the executions whose host fails.
    pub(crate) failing: &'static [u16],
}

impl Executor for Fake {
    fn run(&self, job: &Job, _: &Inputs, results: &Path, _: Duration) -> Result<Receipt, Error> {
        let number: u16 = results.parent().unwrap().file_name().unwrap().to_str().unwrap().parse().unwrap();
        if self.failing.contains(&number) {
            return Err(HostFailure::new("the disk is full").into());
        }
        let said = if self.liars.contains(&number) { "lie\n" } else { "truth\n" };
        fs::create_dir(results).unwrap();
        fs::write(results.join("stdout"), said).unwrap();
        let claim = Claim {
            job: job.clone(),
            job_cid: job.cid()?,
            outcome: Outcome::Exit(0),
            fuel: 1,
            h1: dirhash::hash_dir(results, "results").unwrap().h1,
            files: vec![ResultFile { name: "stdout".into(), bytes: said.len() as u64, sha256: "00".into() }],
        };
        Ok(Receipt { claim, signatures: Vec::new(), unclaimed: Unclaimed::default() })
    }
}
