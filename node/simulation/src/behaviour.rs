//! Behaviours of simulated nodes: honest, or one of the attacks that the protocol withstands.

use bacalhau_job::{ExecutionId, JobId};

/// Behaviour of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Behaviour {
    /// Follows the protocol.
    #[default]
    Honest,
    /// Proposes a result of its own making, another one each time.
    WrongResult,
    /// Proposes the wrong result that all of its kind propose.
    Colluder,
    /// Runs nothing, and sends the encrypted proposal of another node for the same shard.
    Copycat,
    /// Runs nothing after its first job, and sends that job's encrypted proposal again.
    Replayer,
    /// Sends nothing after its bid.
    SilentAfterBid,
    /// Runs longer than allowed, with heartbeats.
    Slow,
    /// Proposes the right result and publishes another.
    WrongPublisher,
    /// Sends a second proposal, with another result, right after the first.
    Equivocator,
    /// Follows the protocol, and also sends many invalid messages.
    Flooder,
    /// Answers each announcement that it is full, and never bids.
    AlwaysFull,
}

impl Behaviour {
    /// Whether its runs are correct.
    pub(super) fn runs_honestly(self) -> bool {
        !matches!(self, Self::WrongResult | Self::Colluder | Self::Copycat | Self::Replayer | Self::Equivocator)
    }

    /// Hash of a run of this node.
    pub(super) fn result(self, node: usize, execution: &ExecutionId) -> String {
        match self {
            Self::WrongResult => format!("h1:lie-of-{node}-{execution}"),
            Self::Colluder => format!("h1:collusion-{}-{}", execution.job, execution.shard),
            _ => truth(&execution.job, execution.shard),
        }
    }
}

/// The correct hash of a shard's results.
pub(super) fn truth(job: &JobId, shard: u32) -> String {
    format!("h1:truth-{job}-{shard}")
}
