//! Effects of one input, collected while it is handled.

use std::collections::{BTreeMap, BTreeSet};

use libp2p_identity::PeerId;

use super::Effect;
use bacalhau_job::{Event, JobId};
use bacalhau_protocol::{Cancel, Message, Reject};

/// Effects and events of one job.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub(super) all: Vec<Effect>,
    pub(super) events: Vec<Event>,
    /// Whether the record is another one than before.
    pub(super) changed: bool,
    /// Whether a shard changed its state, so that the job's state must be updated.
    pub(super) moved: bool,
    /// Bidders that are not needed, with the shards: one message for each, however many shards.
    rejected: BTreeMap<PeerId, BTreeSet<u32>>,
    /// Recipients of the job's cancellation, likewise.
    cancelled: BTreeSet<PeerId>,
}

impl Effects {
    pub(super) fn send(&mut self, to: PeerId, message: Message) {
        self.all.push(Effect::Send { to, message });
    }

    pub(super) fn reject(&mut self, to: PeerId, shard: u32) {
        self.rejected.entry(to).or_default().insert(shard);
    }

    pub(super) fn cancel(&mut self, to: PeerId) {
        self.cancelled.insert(to);
    }

    /// Writes the messages that are one for all shards.
    pub(super) fn gather(&mut self, job: JobId, why: &str) {
        for (to, shards) in std::mem::take(&mut self.rejected) {
            self.send(to, Message::Reject(Reject { job, shards: shards.into_iter().collect() }));
        }
        for to in std::mem::take(&mut self.cancelled) {
            self.send(to, Message::Cancel(Cancel { job, shard: None, why: why.into() }));
        }
    }
}
