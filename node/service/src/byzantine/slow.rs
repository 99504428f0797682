//! A node that holds its proposal back until its requester has given it up, and sends it then.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::message_fault::{MessageFault, Outgoing};
use crate::provider_fault::ProviderFault;
use bacalhau_job::ExecutionId;
use bacalhau_network::Network;
use bacalhau_protocol::Message;

/// Delayed proposals of all slow nodes.
#[derive(Debug, Default)]
pub(super) struct Slow(Mutex<BTreeMap<ExecutionId, (Arc<Network>, Outgoing)>>);

impl Slow {
    fn held(&self) -> MutexGuard<'_, BTreeMap<ExecutionId, (Arc<Network>, Outgoing)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MessageFault for Slow {
    fn say(&self, network: &Arc<Network>, outgoing: Outgoing) {
        match &outgoing.message {
            Message::Proposal(proposal) => {
                let execution = proposal.execution;
                self.held().insert(execution, (Arc::clone(network), outgoing));
            }
            _ => outgoing.send(network),
        }
    }
}

impl ProviderFault for Slow {
    fn discarded(&self, execution: ExecutionId) {
        if let Some((network, outgoing)) = self.held().remove(&execution) {
            outgoing.send(&network);
        }
    }
}
