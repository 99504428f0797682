//! Who is asked for a block next: of those who said that they have it, or of whom nothing is known, the one from whom it
//! is likely to come first.

use std::collections::BTreeMap;

use libp2p::PeerId;

use super::peer::Peer;
use super::want::{Said, Want};

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// This one.
    Ask(PeerId),
    /// Somebody, when there is room in a window.
    Later,
    /// All have said no, or there is nobody.
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

/// The lower the better; `None` who need not be asked.
fn rank(said: Option<&Said>, peer: &Peer) -> Option<u8> {
    let rank = match said {
        Some(Said::DontHave | Said::Gone(_)) => return None,
        Some(Said::Have) => 0,
        Some(Said::Probed) | None => 1,
        Some(Said::Silent) => 2,
    };
    if peer.failed.is_some() { None } else { Some(if peer.mute { rank.max(2) } else { rank }) }
}
