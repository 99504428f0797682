//! A wanted block: callers, requests, and answers of peers.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Instant;

use libp2p::PeerId;

use super::peer::Peer;
use bacalhau_cas::Cid;
use bacalhau_exchange::Answers;

/// A wanted block.
pub(super) struct Want {
    /// Place in the queue.
    pub(super) order: u64,
    pub(super) since: Instant,
    pub(super) first_asked: Option<Instant>,
    /// The callers with the CID they used. Never empty.
    pub(super) waiters: Vec<(Cid, Answers)>,
    /// The peer with the request in flight, and its time.
    pub(super) asked: Option<(PeerId, Instant)>,
    /// The previously asked peer, to which a cancellation is due when another peer is asked.
    pub(super) taken_from: Option<PeerId>,
    pub(super) said: BTreeMap<PeerId, Said>,
}

/// Answer of a peer about a block.
#[derive(Clone, Debug)]
pub(super) enum Said {
    /// Asked whether it has the block; no answer yet.
    Probed,
    Have,
    DontHave,
    /// Asked for the block without an answer, before others were asked.
    Silent,
    /// No answer possible, with the reason.
    Gone(String),
}

impl Said {
    /// Whether the peer may still remember that it is wanted.
    pub(super) fn may_hold(&self) -> bool {
        matches!(self, Self::Probed | Self::DontHave | Self::Silent)
    }
}

impl Want {
    pub(super) fn new(order: u64, since: Instant, cid: Cid, answers: Answers) -> Self {
        let waiters = vec![(cid, answers)];
        Self { order, since, first_asked: None, waiters, asked: None, taken_from: None, said: BTreeMap::new() }
    }

    pub(super) fn cid(&self) -> Cid {
        self.waiters[0].0
    }

    /// Why the block is unavailable: every peer and its answer.
    pub(super) fn why(&self, peers: &BTreeMap<PeerId, Peer>, unreached: &VecDeque<String>, now: Instant) -> String {
        let mut lines = Vec::new();
        let waited = now.saturating_duration_since(self.first_asked.unwrap_or(self.since)).as_secs_f64();
        for (id, peer) in peers {
            let is_asked = self.asked.is_some_and(|(asked, _)| asked == *id);
            let text = match (&peer.failed, self.said.get(id)) {
                (Some(why), _) | (None, Some(Said::Gone(why))) => format!(": {why}"),
                (None, Some(Said::DontHave)) => " does not have it".into(),
                (None, Some(Said::Have)) if is_asked => {
                    format!(" has the block but sent nothing in {waited:.1} s")
                }
                (None, Some(Said::Have)) => " has the block but was not asked in time".into(),
                (None, Some(Said::Silent)) => format!(" sent nothing in {waited:.1} s"),
                (None, _) if is_asked => format!(" sent nothing in {waited:.1} s"),
                (None, Some(Said::Probed) | None) => " did not answer".into(),
            };
            lines.push(format!("peer {id}{text}"));
        }
        let gone = self.said.iter().filter(|(id, _)| !peers.contains_key(*id));
        lines.extend(gone.filter_map(|(id, said)| match said {
            Said::Gone(why) => Some(format!("peer {id}: {why}")),
            _ => None,
        }));
        lines.extend(unreached.iter().map(|why| format!("cannot connect to {why}")));
        if lines.is_empty() {
            lines.push("no Bitswap peer is connected: name one with its address".into());
        }
        lines.join("; ")
    }
}

impl fmt::Debug for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Want").field("asked", &self.asked).field("said", &self.said).finish_non_exhaustive()
    }
}
