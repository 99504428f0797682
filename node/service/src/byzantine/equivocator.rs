//! A node that proposes two different results for one execution, each under a sound seal.

use std::sync::Arc;

use bacalhau_receipt::Outcome;
use bacalhau_tree::{HostFailure, Link};
use libp2p::PeerId;

use super::message_fault::{MessageFault, Outgoing, foreign_id};
use bacalhau_identity::Identity;
use bacalhau_network::Network;
use bacalhau_protocol::{Ballot, Message};
use bacalhau_verify::{AgeSeal, Seal, SealError};

/// Sends a second, different proposal.
#[derive(Debug)]
pub(super) struct Equivocator {
    me: PeerId,
    seal: AgeSeal,
}

impl Equivocator {
    pub(super) fn new(identity: &Identity) -> Result<Self, HostFailure> {
        let seal = AgeSeal::new(identity.keypair()).map_err(|error| HostFailure::new(error.to_string()))?;
        Ok(Self { me: identity.peer_id(), seal })
    }

    /// A proposal with another result of the same execution.
    fn other(&self, outgoing: &Outgoing) -> Result<Option<Vec<u8>>, SealError> {
        let Message::Proposal(proposal) = &outgoing.message else { return Ok(None) };
        let ballot = Ballot {
            execution: proposal.execution,
            provider: self.me,
            requester: outgoing.to,
            salt: self.seal.salt()?,
            h1: "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".into(),
            claim: Link::of_raw(b"another claim"),
            outcome: Outcome::Exit(0),
            fuel: 1,
        };
        self.seal.seal(&ballot).map(Some)
    }
}

impl MessageFault for Equivocator {
    fn say(&self, network: &Arc<Network>, outgoing: Outgoing) {
        outgoing.send(network);
        match self.other(&outgoing) {
            Ok(Some(other)) => {
                let second = Outgoing { id: foreign_id(), ..outgoing };
                second.with_sealed(|_| other).send(network);
            }
            Ok(None) => {}
            Err(error) => tracing::error!("an equivocator cannot seal: {error}"),
        }
    }
}
