//! A node that reports wrong results: for `devstack --bad-actors` and for tests, to see that the vote finds it out. Liars
//! tell the same lie, which is the worst that they can do, unless they are given another.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use bacalhau_runtime::{ResultFile, dirhash};

use super::Provider;
use super::hand::{Crooked, Hand};
use crate::compute::Ran;
use crate::daemon::Work;
use crate::job::ExecutionId;
use crate::protocol::FailureKind;

/// What is added to the standard output of every program.
const LIE: &str = "and the moon is made of cheese\n";

/// See the module.
#[derive(Debug)]
pub struct Liar {
    lie: String,
}

impl Liar {
    /// What `provider` does, and then lies about.
    pub fn over(provider: Arc<Provider>) -> Arc<dyn Work> {
        Self::telling(provider, LIE)
    }

    /// The same with a lie of its own.
    pub fn telling(provider: Arc<Provider>, lie: &str) -> Arc<dyn Work> {
        Arc::new(Crooked::new(provider, Arc::new(Self { lie: lie.into() })))
    }
}

impl Hand for Liar {
    fn ran(&self, provider: &Provider, execution: ExecutionId, mut ran: Ran) -> Result<Ran, (FailureKind, String)> {
        let results = provider.results_of(execution);
        let failed = |why: String| (FailureKind::Host, format!("a lie could not be written: {why}"));
        add_lie(&results.join("stdout"), self.lie.as_bytes()).map_err(|error| failed(error.to_string()))?;
        let hashed = dirhash::hash_dir(&results, "results").map_err(|error| failed(error.to_string()))?;
        ran.receipt.claim.h1 = hashed.h1;
        ran.receipt.claim.files = hashed.files.iter().map(ResultFile::from).collect();
        provider.sign(&mut ran.receipt);
        Ok(ran)
    }
}

/// Once, however often the execution is asked for.
fn add_lie(stdout: &Path, lie: &[u8]) -> io::Result<()> {
    if fs::read(stdout)?.ends_with(lie) {
        return Ok(());
    }
    OpenOptions::new().append(true).open(stdout)?.write_all(lie)
}
