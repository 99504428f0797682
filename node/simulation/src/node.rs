//! A node: its process if it runs, its disk, and its clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use libp2p::PeerId;

use super::disk::Disk;
use super::jobs::versions;
use super::{Behaviour, Config, FakeSeal};
use bacalhau_compute::Compute;
use bacalhau_daemon::{Core, Schedule};
use bacalhau_identity::Identity;
use bacalhau_job::{ExecutionId, Resources};
use bacalhau_requester::Requester;

/// Unix milliseconds at the beginning, by a clock that is right.
pub const BEGINNING_MS: u64 = 1_800_000_000_000;

/// A simulated node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) peer: PeerId,
    pub(super) identity: Identity,
    pub(super) behaviour: Behaviour,
    /// The process; absent while it is down.
    pub(super) core: Option<Core>,
    /// Number of starts; events of an earlier start are ignored.
    pub(super) life: u32,
    /// Whether it has failed permanently.
    pub(super) dead: bool,
    pub(super) disk: Disk,
    pub(super) data_sets: BTreeSet<usize>,
    /// Running executions and their resources.
    pub(super) running: BTreeMap<ExecutionId, Resources>,
    pub(super) heartbeats: Schedule,
    /// When it is to be woken, if it is.
    pub(super) wake_ms: Option<u64>,
    /// Which part of the network it is in while that is parted.
    pub(super) part: bool,
    /// The proposal that a replayer sends again.
    pub(super) kept_seal: Option<Vec<u8>>,
    /// Clock reading at the start.
    clock_ms: u64,
}

impl Node {
    pub(super) fn new(identity: Identity, behaviour: Behaviour) -> Self {
        Self {
            peer: identity.peer_id(),
            identity,
            behaviour,
            core: None,
            life: 0,
            dead: false,
            disk: Disk::default(),
            data_sets: BTreeSet::new(),
            running: BTreeMap::new(),
            heartbeats: Schedule::default(),
            wake_ms: None,
            part: false,
            kept_seal: None,
            clock_ms: BEGINNING_MS,
        }
    }

    /// Sets its clock error; `half_ms` is no error.
    pub(super) fn set_clock(&mut self, skew_ms: u64, half_ms: u64) {
        self.clock_ms = BEGINNING_MS + skew_ms - half_ms;
    }

    /// Its clock reading.
    pub(super) fn clock_ms(&self, now_ms: u64) -> u64 {
        self.clock_ms + now_ms
    }

    /// The time at which its clock shows that.
    pub(super) fn when(&self, clock_ms: u64) -> u64 {
        clock_ms.saturating_sub(self.clock_ms)
    }

    /// A fresh process of this node.
    pub(super) fn process(&self, config: &Config) -> Core {
        let seal = Arc::new(FakeSeal::new(self.peer, self.life));
        let requester = Requester::new(self.peer, config.requester.clone(), seal.clone());
        let compute = Compute::new(self.peer, versions(), config.compute.clone(), seal);
        Core::new(self.peer, versions(), Some(requester), Some(compute), config.outbox.clone())
    }
}
