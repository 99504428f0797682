//! A node that votes for what everybody votes for, and then hands out something else. Only among nodes of one process,
//! where results are delivered as directories.

use std::fs;

use crate::job::ExecutionId;
use crate::protocol::Delivery;
use crate::service::Provider;
use crate::service::hand::Hand;

/// See the module.
#[derive(Debug)]
pub(super) struct WrongPublisher;

impl Hand for WrongPublisher {
    fn deliver(&self, provider: &Provider, execution: ExecutionId, _: Delivery) -> Result<Delivery, String> {
        let other = provider.results_of(execution).with_file_name("other");
        fs::create_dir_all(&other).map_err(|error| error.to_string())?;
        fs::write(other.join("stdout"), "something else\n").map_err(|error| error.to_string())?;
        Ok(Delivery::Directory(other.display().to_string()))
    }
}
