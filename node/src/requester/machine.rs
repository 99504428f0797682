//! The machine.

use std::sync::Arc;

use libp2p::PeerId;

use super::{Changes, Effect, Input, RequesterConfig};
use crate::job::{JobId, JobRecord};
use crate::verify::Seal;

/// See the module.
#[derive(Debug)]
pub struct Requester {}

impl Requester {
    /// A requester without jobs. `seal` opens what is sealed to `me`.
    pub fn new(_me: PeerId, _config: RequesterConfig, _seal: Arc<dyn Seal>) -> Self {
        Self {}
    }

    /// Takes up jobs that were not finished when the process ended, and says what is to be done again.
    pub fn restore(&mut self, _now_ms: u64, _records: Vec<JobRecord>) -> Vec<Effect> {
        Vec::new()
    }

    /// What follows from `input` at `now_ms`, in Unix milliseconds. Time never goes back.
    pub fn handle(&mut self, _now_ms: u64, _input: Input) -> Vec<Effect> {
        Vec::new()
    }

    /// When [`Input::Tick`] is needed at the latest.
    pub fn deadline(&self) -> Option<u64> {
        None
    }

    /// What has changed since the last call.
    pub fn take_changes(&mut self) -> Changes {
        Changes::default()
    }

    /// A job that has not ended, or has since the last [`forget_ended`](Self::forget_ended).
    pub fn record(&self, _job: &JobId) -> Option<&JobRecord> {
        None
    }

    /// Drops jobs that have ended: their records are on disk.
    pub fn forget_ended(&mut self) {}
}
