//! Nodes that do not keep the rules, for tests only: real nodes with a real network, of which one thing is bent. Some bend
//! what a node does (`hand`), some what it says (`tongue`); each way of cheating has a file. `devstack --bad-actors` has a
//! liar of its own, in `service`.
//!
//! What a node says to itself never leaves it, so the first node of a cluster, which takes the jobs, can cheat with its
//! hands only.

mod copycat;
mod equivocator;
mod flooder;
mod meddler;
pub mod raw;
mod replayer;
mod silent;
mod slow;
mod tongue;
mod truncator;
mod wrong_publisher;

use std::str::FromStr;
use std::sync::Arc;

use bacalhau_runtime::HostFailure;

use crate::daemon::Work;
use crate::network::{Network, Transport};
use crate::service::hand::{Crooked, Hand};
use crate::service::{Liar, Provider};
use crate::transport::Identity;

use copycat::{Copycat, Overheard, Tap};
use equivocator::Equivocator;
use flooder::Flooder;
use meddler::Meddler;
use replayer::Replayer;
use silent::Silent;
use slow::Slow;
use tongue::{Forked, Tongue};
use truncator::Truncator;
use wrong_publisher::WrongPublisher;

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// As it should.
    Honest,
    /// Reports a wrong result, the same one as all liars.
    Liar,
    /// Reports a wrong result of its own.
    LoneLiar,
    /// Runs another program than it was asked to.
    Meddler,
    /// Sends the sealed proposal of an honest node for the same shard as its own.
    Copycat,
    /// Sends its first sealed proposal for every execution.
    Replayer,
    /// Sends half of its sealed proposal.
    Truncator,
    /// Sends two sealed proposals for one execution.
    Equivocator,
    /// Bids, and says nothing more.
    SilentAfterBid,
    /// Proposes as soon as it was given up.
    Slow,
    /// Publishes something else than it voted for.
    WrongPublisher,
    /// Sends messages and announces jobs without end, from the first job on that it hears of.
    Flooder,
}

/// All names, as they are read.
const NAMES: [(&str, Behaviour); 12] = [
    ("honest", Behaviour::Honest),
    ("liar", Behaviour::Liar),
    ("lone-liar", Behaviour::LoneLiar),
    ("meddler", Behaviour::Meddler),
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
            format!("{text:?} is nothing that a node does: {names}")
        })
    }
}

/// Who does what in a cluster, and what those who cheat share.
#[derive(Debug)]
pub struct Cast {
    roles: Vec<Behaviour>,
    overheard: Arc<Overheard>,
    slow: Arc<Slow>,
}

impl Cast {
    /// A node for each of `roles`, the requester first.
    pub fn new(roles: Vec<Behaviour>) -> Self {
        Self { roles, overheard: Arc::default(), slow: Arc::default() }
    }

    /// Who does what.
    pub fn roles(&self) -> &[Behaviour] {
        &self.roles
    }

    /// What the node with this number does.
    pub fn work(&self, node: usize, provider: Arc<Provider>) -> Arc<dyn Work> {
        let hand: Arc<dyn Hand> = match self.roles[node] {
            Behaviour::Liar => return Liar::over(provider),
            Behaviour::LoneLiar => return Liar::telling(provider, &format!("and so says {node}\n")),
            Behaviour::Meddler => Arc::new(Meddler),
            Behaviour::Slow => Arc::clone(&self.slow) as Arc<dyn Hand>,
            Behaviour::WrongPublisher => Arc::new(WrongPublisher),
            _ => return provider,
        };
        Arc::new(Crooked::new(provider, hand))
    }

    /// What the node with this number says.
    ///
    /// # Errors
    /// When its key cannot seal, or there is no thread to be had.
    pub fn transport(
        &self,
        node: usize,
        identity: &Identity,
        network: Arc<Network>,
    ) -> Result<Arc<dyn Transport>, HostFailure> {
        let tongue: Arc<dyn Tongue> = match self.roles[node] {
            Behaviour::Honest if self.roles.contains(&Behaviour::Copycat) => Arc::new(Tap(Arc::clone(&self.overheard))),
            Behaviour::Copycat => Arc::new(Copycat(Arc::clone(&self.overheard))),
            Behaviour::Replayer => Arc::new(Replayer::default()),
            Behaviour::Truncator => Arc::new(Truncator),
            Behaviour::Equivocator => Arc::new(Equivocator::new(identity)?),
            Behaviour::SilentAfterBid => Arc::new(Silent),
            Behaviour::Slow => Arc::clone(&self.slow) as Arc<dyn Tongue>,
            Behaviour::Flooder => Arc::new(Flooder::new(identity.peer_id(), &network)?),
            _ => return Ok(network),
        };
        Ok(Arc::new(Forked::new(network, tongue)))
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
