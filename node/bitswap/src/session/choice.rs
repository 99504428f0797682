//! Selects the peer for a block: among peers that have it, or whose answer is unknown, the one that is likely to
//! deliver first.

use std::collections::BTreeMap;

use libp2p::PeerId;

use super::peer::Peer;
use super::want::{Said, Want};

/// The selection of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// This peer.
    Ask(PeerId),
    /// None until a window has space.
    Later,
    /// None: all peers have declined, or there are none.
    Nobody,
}

pub(super) fn choose(want: &Want, peers: &BTreeMap<PeerId, Peer>) -> Choice {
    let mut best: Option<(PeerId, (u8, f64))> = None;
    let mut hope = false;
    for (id, peer) in peers {
        let Some(rank) = rank(want.said.get(id), peer) else { continue };
        hope = true;
        if !peer.has_room() {
            continue;
        }
        let score = (rank, peer.cost());
        if best.is_none_or(|(_, least)| score < least) {
            best = Some((*id, score));
        }
    }
    match best {
        Some((id, _)) => Choice::Ask(id),
        None if hope => Choice::Later,
        None => Choice::Nobody,
    }
}

/// Rank, lower is better; `None` for peers that need not be asked.
fn rank(said: Option<&Said>, peer: &Peer) -> Option<u8> {
    let rank = match said {
        Some(Said::DontHave | Said::Gone(_)) => return None,
        Some(Said::Have) => 0,
        Some(Said::Probed) | None => 1,
        Some(Said::Silent) => 2,
    };
    if peer.failed.is_some() { None } else { Some(if peer.mute { rank.max(2) } else { rank }) }
}
