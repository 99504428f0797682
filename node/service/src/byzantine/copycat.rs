//! A node that sends another node's encrypted proposal as its own. Signatures and encryption make it hard to obtain;
//! here honest nodes are instrumented instead.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::message_fault::{MessageFault, Outgoing};
use bacalhau_job::JobId;
use bacalhau_network::Network;
use bacalhau_protocol::Message;

/// Overheard proposals by shard, or the waiting copycats.
#[derive(Debug, Default)]
pub(super) struct Overheard(Mutex<BTreeMap<(JobId, u32), Slot>>);

#[derive(Debug)]
enum Slot {
    Sealed(Vec<u8>),
    Awaited(Vec<(Arc<Network>, Outgoing)>),
}

/// An honest node that is tapped.
#[derive(Debug)]
pub(super) struct Tap(pub(super) Arc<Overheard>);

/// Sends copied proposals.
#[derive(Debug)]
pub(super) struct Copycat(pub(super) Arc<Overheard>);

impl Overheard {
    fn slots(&self) -> MutexGuard<'_, BTreeMap<(JobId, u32), Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, shard: (JobId, u32), sealed: &[u8]) {
        let mut slots = self.slots();
        if matches!(slots.get(&shard), Some(Slot::Sealed(_))) {
            return;
        }
        if let Some(Slot::Awaited(waiting)) = slots.insert(shard, Slot::Sealed(sealed.into())) {
            for (network, outgoing) in waiting {
                outgoing.with_sealed(|_| sealed.into()).send(&network);
            }
        }
    }
}

impl MessageFault for Tap {
    fn say(&self, network: &Arc<Network>, outgoing: Outgoing) {
        outgoing.send(network);
        if let Message::Proposal(proposal) = &outgoing.message {
            self.0.hear((proposal.execution.job, proposal.execution.shard), &proposal.sealed);
        }
    }
}

impl MessageFault for Copycat {
    fn say(&self, network: &Arc<Network>, outgoing: Outgoing) {
        let Message::Proposal(proposal) = &outgoing.message else { return outgoing.send(network) };
        let shard = (proposal.execution.job, proposal.execution.shard);
        match self.0.slots().entry(shard).or_insert_with(|| Slot::Awaited(Vec::new())) {
            Slot::Sealed(sealed) => outgoing.with_sealed(|_| sealed.clone()).send(network),
            Slot::Awaited(waiting) => waiting.push((Arc::clone(network), outgoing)),
        }
    }
}
