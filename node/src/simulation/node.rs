//! A node: its process if it runs, its disk, and its clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use libp2p::PeerId;

use super::disk::Disk;
use super::jobs::versions;
use super::{Behaviour, Config, FakeSeal};
use crate::compute::Compute;
use crate::daemon::{Core, Schedule};
use crate::job::{ExecutionId, Resources};
use crate::requester::Requester;
use crate::transport::Identity;

/// Unix milliseconds at the beginning, by a clock that is right.
const BEGINNING_MS: u64 = 1_800_000_000_000;

/// A node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) peer: PeerId,
    pub(super) identity: Identity,
    pub(super) behaviour: Behaviour,
    /// The process; absent while it is down.
    pub(super) core: Option<Core>,
    /// Counts starts: what one life waits for is nothing to the next.
    pub(super) life: u32,
    /// Whether it never comes back.
    pub(super) dead: bool,
    pub(super) disk: Disk,
    pub(super) data_sets: BTreeSet<usize>,
    /// Executions that run, and what they take.
    pub(super) running: BTreeMap<ExecutionId, Resources>,
    pub(super) heartbeats: Schedule,
    /// When it is to be woken, if it is.
    pub(super) wake_ms: Option<u64>,
    /// Which part of the network it is in while that is parted.
    pub(super) part: bool,
    /// What a replayer sends again.
    pub(super) kept_seal: Option<Vec<u8>>,
    /// What its clock shows at the beginning.
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

    /// Puts its clock ahead by so much, or behind: half of the skew that is possible is right.
    pub(super) fn set_clock(&mut self, skew_ms: u64, half_ms: u64) {
        self.clock_ms = BEGINNING_MS + skew_ms - half_ms;
    }

    /// What its clock shows.
    pub(super) fn clock_ms(&self, now_ms: u64) -> u64 {
        self.clock_ms + now_ms
    }

    /// The time at which its clock shows that.
    pub(super) fn when(&self, clock_ms: u64) -> u64 {
        clock_ms.saturating_sub(self.clock_ms)
    }

    /// A process of this node that knows nothing.
    pub(super) fn process(&self, config: &Config) -> Core {
        let seal = Arc::new(FakeSeal::new(self.peer, self.life));
        let requester = Requester::new(self.peer, config.requester.clone(), seal.clone());
        let compute = Compute::new(self.peer, versions(), config.compute.clone(), seal);
        Core::new(self.peer, versions(), Some(requester), Some(compute), config.outbox.clone())
    }
}
