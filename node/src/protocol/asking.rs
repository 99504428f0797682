//! How a requester that lacks bids asks nodes why they do not bid. It stands in the build metadata of the version that an
//! announcement carries, which nodes of versions before this one do not read: they stay silent, as they always did.

use libp2p::PeerId;
use sha2::{Digest, Sha256};

use super::Versions;
use crate::job::JobId;

/// What stands before the share.
const MARK: &str = "+declines.";
/// Asked are so many parts of this.
pub const ALL_NODES: u8 = 64;

impl Versions {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::samples::{announcement, key, versions};

    #[test]
    fn a_share_of_all_nodes_is_asked_and_a_larger_one_contains_it() {
        let me = key(1).public().to_peer_id();
        let job = announcement(me, "asked").job.id();
        let peers: Vec<PeerId> = (0..640).map(|_| PeerId::random()).collect();
        let asked = |share| peers.iter().filter(|peer| versions().asking(share).asks(peer, &job)).collect::<Vec<_>>();
        let (few, some) = (asked(1), asked(8));
        assert!(few.len() < 40 && (40..130).contains(&some.len()), "{} {}", few.len(), some.len());
        assert!(few.iter().all(|peer| some.contains(peer)));
        assert_eq!(asked(ALL_NODES).len(), peers.len());
        assert!(!versions().asks(&me, &job), "a requester that does not ask");
    }

    #[test]
    fn an_announcement_that_asks_is_one_for_every_version() {
        let me = key(1).public().to_peer_id();
        let plain = announcement(me, "asked");
        let asking = super::super::Announcement { versions: plain.versions.asking(ALL_NODES), ..plain };
        // What nodes have always checked: a version is a text of at most 64 bytes.
        assert_eq!(asking.versions.semver, "0.1.0+declines.64");
        assert_eq!(asking.check(&me), Ok(()));
    }
}
