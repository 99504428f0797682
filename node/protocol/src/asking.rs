//! What a requester asks nodes that do not bid, in the version of its announcements, which earlier nodes ignore: the
//! pre-release `later` asks busy providers when they have capacity, the build metadata asks a share of all nodes for
//! reasons.

use libp2p_identity::PeerId;
use sha2::{Digest, Sha256};

use super::Versions;
use bacalhau_job::JobId;

/// Prefix of the share.
const MARK: &str = "+declines.";
/// Pre-release of requesters that take [`Later`](super::Later) in declines.
const TAKES_LATER: &str = "-later";
/// Denominator of the share.
pub const ALL_NODES: u8 = 64;

impl Versions {
    /// The same, for a requester that takes estimates of busy providers.
    #[must_use]
    pub fn taking_later(&self) -> Self {
        Self { semver: format!("{}{TAKES_LATER}", self.semver), ..self.clone() }
    }

    /// Whether a busy provider says when it has capacity, with or without a question for reasons.
    pub fn takes_later(&self) -> bool {
        self.semver.split('+').next().is_some_and(|version| version.ends_with(TAKES_LATER))
    }

    /// The same, with the question to `share` 64ths of all nodes.
    #[must_use]
    pub fn asking(&self, share: u8) -> Self {
        Self { semver: format!("{}{MARK}{share}", self.semver), ..self.clone() }
    }

    /// Whether the node `peer` is asked why it does not bid on `job`. Every node belongs to the same part each time, and a
    /// larger share contains the smaller ones.
    pub fn asks(&self, peer: &PeerId, job: &JobId) -> bool {
        let share = self.semver.split_once(MARK).and_then(|(_, share)| share.parse::<u8>().ok());
        share.is_some_and(|share| {
            let mut part = Sha256::new();
            part.update(job.as_bytes());
            part.update(peer.to_bytes());
            part.finalize()[0] % ALL_NODES < share
        })
    }
}
