//! A node that votes correctly and then delivers other results. Only within one process, where results are delivered as
//! directories.

use std::fs;

use crate::Provider;
use crate::provider_fault::ProviderFault;
use bacalhau_job::{Delivery, ExecutionId};

/// Delivers other results.
#[derive(Debug)]
pub(super) struct WrongPublisher;

impl ProviderFault for WrongPublisher {
    fn deliver(&self, provider: &Provider, execution: ExecutionId, _: Delivery) -> Result<Delivery, String> {
        let other = provider.results_of(execution).with_file_name("other");
        fs::create_dir_all(&other).map_err(|error| error.to_string())?;
        fs::write(other.join("stdout"), "something else\n").map_err(|error| error.to_string())?;
        Ok(Delivery::Directory(other.display().to_string()))
    }
}
