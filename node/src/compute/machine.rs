//! The machine.

use std::sync::Arc;

use libp2p::PeerId;

use super::{ComputeConfig, Effect, Input};
use crate::job::JobId;
use crate::protocol::Versions;
use crate::verify::Seal;

/// See the module.
pub struct Compute {}

impl Compute {
    /// A provider without jobs. `seal` seals for requesters.
    pub fn new(_me: PeerId, _versions: Versions, _config: ComputeConfig, _seal: Arc<dyn Seal>) -> Self {
        Self {}
    }

    /// Takes up what was not finished when the process ended: records as [`record`](Self::record) gave them.
    ///
    /// # Errors
    /// When one is not a record of this version.
    pub fn restore(&mut self, _now_ms: u64, _records: Vec<Vec<u8>>) -> Result<Vec<Effect>, String> {
        Ok(Vec::new())
    }

    /// What follows from `input` at `now_ms`, in Unix milliseconds. Time never goes back.
    pub fn handle(&mut self, _now_ms: u64, _input: Input) -> Vec<Effect> {
        Vec::new()
    }

    /// When [`Input::Tick`] is needed at the latest.
    pub fn deadline(&self) -> Option<u64> {
        None
    }

    /// Jobs whose records changed since the last call.
    pub fn take_changes(&mut self) -> Vec<JobId> {
        Vec::new()
    }

    /// What has to be kept of a job on disk; `None` where there is nothing any more.
    pub fn record(&self, _job: &JobId) -> Option<Vec<u8>> {
        None
    }

    /// Whether nothing runs and nothing waits to be published: a drained node may end.
    pub fn is_idle(&self) -> bool {
        true
    }
}
