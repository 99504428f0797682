//! Faulty nodes for tests: real nodes on a real network with one injected fault, in their provider (`provider_fault`) or in their
//! messages (`message_fault`); each fault has a file. `devstack --bad-actors` uses the wrong results of `service`.
//!
//! Messages of a node to itself do not use the network, so the first node of a cluster, the requester, can have
//! provider faults only.

mod copycat;
mod equivocator;
mod flooder;
mod message_fault;
pub mod raw;
mod replayer;
mod silent;
mod slow;
mod truncator;
mod wrong_program;
mod wrong_publisher;

use std::str::FromStr;
use std::sync::Arc;

use bacalhau_tree::HostFailure;

use crate::provider_fault::{FaultyProvider, ProviderFault};
use crate::{Provider, WrongResult};
use bacalhau_daemon::Work;
use bacalhau_identity::Identity;
use bacalhau_network::{Network, Transport};

use copycat::{Copycat, Overheard, Tap};
use equivocator::Equivocator;
use flooder::Flooder;
use message_fault::{FaultyTransport, MessageFault};
use replayer::Replayer;
use silent::Silent;
use slow::Slow;
use truncator::Truncator;
use wrong_program::WrongProgram;
use wrong_publisher::WrongPublisher;

/// Behaviour of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Follows the protocol.
    Honest,
    /// Reports a wrong result, equal for all such nodes.
    SharedWrongResult,
    /// Reports a wrong result of its own.
    OwnWrongResult,
    /// Runs another program than the job's.
    WrongProgram,
    /// Sends the encrypted proposal of an honest node for the same shard.
    Copycat,
    /// Sends its first sealed proposal for every execution.
    Replayer,
    /// Sends half of its sealed proposal.
    Truncator,
    /// Sends two sealed proposals for one execution.
    Equivocator,
    /// Bids, and sends nothing more.
    SilentAfterBid,
    /// Proposes after its timeout.
    Slow,
    /// Publishes something else than it voted for.
    WrongPublisher,
    /// Floods peers with messages and announcements from its first job on.
    Flooder,
}

/// All names, as they are read.
const NAMES: [(&str, Behaviour); 12] = [
    ("honest", Behaviour::Honest),
    ("liar", Behaviour::SharedWrongResult),
    ("lone-liar", Behaviour::OwnWrongResult),
    ("meddler", Behaviour::WrongProgram),
    ("copycat", Behaviour::Copycat),
    ("replayer", Behaviour::Replayer),
    ("truncator", Behaviour::Truncator),
    ("equivocator", Behaviour::Equivocator),
    ("silent-after-bid", Behaviour::SilentAfterBid),
    ("slow", Behaviour::Slow),
    ("wrong-publisher", Behaviour::WrongPublisher),
    ("flooder", Behaviour::Flooder),
];

impl FromStr for Behaviour {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = NAMES.iter().find(|(name, _)| *name == text);
        known.map(|(_, behaviour)| *behaviour).ok_or_else(|| {
            let names = NAMES.map(|(name, _)| name).join(", ");
            format!("{text:?} is not a behaviour: write one of {names}")
        })
    }
}

/// The behaviours in a cluster, and state that faulty nodes share.
#[derive(Debug)]
pub struct Scenario {
    roles: Vec<Behaviour>,
    overheard: Arc<Overheard>,
    slow: Arc<Slow>,
}

impl Scenario {
    /// A node for each of `roles`, the requester first.
    pub fn new(roles: Vec<Behaviour>) -> Self {
        Self { roles, overheard: Arc::default(), slow: Arc::default() }
    }

    /// The behaviours by node.
    pub fn roles(&self) -> &[Behaviour] {
        &self.roles
    }

    /// The drivers of a node.
    pub fn work(&self, node: usize, provider: Arc<Provider>) -> Arc<dyn Work> {
        let fault: Arc<dyn ProviderFault> = match self.roles[node] {
            Behaviour::SharedWrongResult => return WrongResult::shared(provider),
            Behaviour::OwnWrongResult => return WrongResult::own(provider, &format!("and so says {node}\n")),
            Behaviour::WrongProgram => Arc::new(WrongProgram),
            Behaviour::Slow => Arc::clone(&self.slow) as Arc<dyn ProviderFault>,
            Behaviour::WrongPublisher => Arc::new(WrongPublisher),
            _ => return provider,
        };
        Arc::new(FaultyProvider::new(provider, fault))
    }

    /// The transport of a node.
    ///
    /// # Errors
    /// When its key cannot encrypt, or a thread cannot be started.
    pub fn transport(
        &self,
        node: usize,
        identity: &Identity,
        network: Arc<Network>,
    ) -> Result<Arc<dyn Transport>, HostFailure> {
        let tongue: Arc<dyn MessageFault> = match self.roles[node] {
            Behaviour::Honest if self.roles.contains(&Behaviour::Copycat) => Arc::new(Tap(Arc::clone(&self.overheard))),
            Behaviour::Copycat => Arc::new(Copycat(Arc::clone(&self.overheard))),
            Behaviour::Replayer => Arc::new(Replayer::default()),
            Behaviour::Truncator => Arc::new(Truncator),
            Behaviour::Equivocator => Arc::new(Equivocator::new(identity)?),
            Behaviour::SilentAfterBid => Arc::new(Silent),
            Behaviour::Slow => Arc::clone(&self.slow) as Arc<dyn MessageFault>,
            Behaviour::Flooder => Arc::new(Flooder::new(identity.peer_id(), &network)?),
            _ => return Ok(network),
        };
        Ok(Arc::new(FaultyTransport::new(network, tongue)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_of_cheating_have_names() {
        for (name, behaviour) in NAMES {
            assert_eq!(name.parse(), Ok(behaviour));
        }
        assert!("sleepy".parse::<Behaviour>().unwrap_err().contains("honest, liar, lone-liar"));
    }
}
