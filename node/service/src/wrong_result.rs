//! A node that reports wrong results, for `devstack --bad-actors` and tests of the vote. By default all such nodes
//! report the same wrong result, which is the worst case.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use bacalhau_receipt::ResultFile;
use bacalhau_tree::dirhash;

use super::Provider;
use super::provider_fault::{FaultyProvider, ProviderFault};
use bacalhau_compute::Ran;
use bacalhau_daemon::Work;
use bacalhau_job::{ExecutionId, FailureKind};

/// The shared wrong text, added to the standard output of every program.
const SHARED_TEXT: &str = "and the moon is made of cheese\n";

/// A provider that reports wrong results.
#[derive(Debug)]
pub struct WrongResult {
    /// Appended to the standard output of every program.
    text: String,
}

impl WrongResult {
    /// Wraps `provider` with the shared wrong result.
    pub fn shared(provider: Arc<Provider>) -> Arc<dyn Work> {
        Self::own(provider, SHARED_TEXT)
    }

    /// Wraps `provider` with its own wrong result.
    pub fn own(provider: Arc<Provider>, text: &str) -> Arc<dyn Work> {
        Arc::new(FaultyProvider::new(provider, Arc::new(Self { text: text.into() })))
    }
}

impl ProviderFault for WrongResult {
    fn ran(&self, provider: &Provider, execution: ExecutionId, mut ran: Ran) -> Result<Ran, (FailureKind, String)> {
        let results = provider.results_of(execution);
        let failed = |why: String| (FailureKind::Host, format!("a wrong result could not be written: {why}"));
        append(&results.join("stdout"), self.text.as_bytes()).map_err(|error| failed(error.to_string()))?;
        let hashed = dirhash::hash_dir(&results, "results").map_err(|error| failed(error.to_string()))?;
        ran.receipt.claim.h1 = hashed.h1;
        ran.receipt.claim.files = hashed.files.iter().map(ResultFile::from).collect();
        provider.sign(&mut ran.receipt);
        Ok(ran)
    }
}

/// Added once, even if the execution is requested again.
fn append(stdout: &Path, text: &[u8]) -> io::Result<()> {
    if fs::read(stdout)?.ends_with(text) {
        return Ok(());
    }
    OpenOptions::new().append(true).open(stdout)?.write_all(text)
}
