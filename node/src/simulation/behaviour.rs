//! What nodes do: as they should, or one of the ways of cheating that the protocol is to withstand.

use crate::job::{ExecutionId, JobId};

/// What a node does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Behaviour {
    /// As it should.
    #[default]
    Honest,
    /// Proposes a result of its own making, another one each time.
    Liar,
    /// Proposes the wrong result that all of its kind propose.
    Colluder,
    /// Runs nothing and sends the sealed proposal of another node for the same shard.
    Copycat,
    /// Runs nothing after its first job and sends the sealed proposal of that again.
    Replayer,
    /// Says nothing after its bid.
    SilentAfterBid,
    /// Runs, and says so, for longer than anybody may.
    Slow,
    /// Proposes the right result and publishes another.
    WrongPublisher,
    /// Sends a second proposal, with another result, right after the first.
    Equivocator,
    /// Does as it should, and says a lot that makes no sense beside it.
    Flooder,
}

impl Behaviour {
    /// Whether what it runs is what it should be.
    pub(super) fn runs_honestly(self) -> bool {
        !matches!(self, Self::Liar | Self::Colluder | Self::Copycat | Self::Replayer | Self::Equivocator)
    }

    /// What a run of this node hashes to.
    pub(super) fn result(self, node: usize, execution: &ExecutionId) -> String {
        match self {
            Self::Liar => format!("h1:lie-of-{node}-{execution}"),
            Self::Colluder => format!("h1:collusion-{}-{}", execution.job, execution.shard),
            _ => truth(&execution.job, execution.shard),
        }
    }
}

/// What the results of a shard hash to if nobody cheats.
pub(super) fn truth(job: &JobId, shard: u32) -> String {
    format!("h1:truth-{job}-{shard}")
}
