//! Validation and rate limits of gossip, and blocks of peers that exceed them.

use std::time::Instant;

use libp2p::gossipsub::{Message, MessageAcceptance, MessageId};
use libp2p::{PeerId, Swarm};

use super::{Announced, Jobs};
use crate::behaviour::Behaviour;
use crate::budgets::{Admission, Cost};

impl Jobs {
    /// Checks the budgets of a gossip message before it is decoded.
    pub(super) fn announced(&self, swarm: &mut Swarm<Behaviour>, from: PeerId, id: &MessageId, message: Message) {
        let now = Instant::now();
        let author = message.source.unwrap_or(from);
        let bytes = message.data.len() as u64;
        let own = Cost { jobs: 1, announced: bytes, ..Cost::default() };
        let job = if author == from { own } else { Cost::default() };
        let admission = self.shared.budgets.admit(&from, Cost { messages: 1, bytes, ..job }, now);
        // Gossip caches accepted messages for some seconds, from all relays.
        let taken = self.admitted(swarm, &from, admission)
            && (author == from || self.shared.budgets.affords(&author, own, now))
            && self.shared.of_all.try_take(bytes, now).is_ok();
        let announced = Announced { id: id.clone(), from, author, data: message.data };
        if !taken || self.shared.announced.try_send(announced).is_err() {
            self.shared.counting.ignored();
            judged(swarm, id, &from, MessageAcceptance::Ignore);
        }
    }

    /// Whether a message is accepted; otherwise penalizes the peer.
    fn admitted(&self, swarm: &mut Swarm<Behaviour>, peer: &PeerId, admission: Admission) -> bool {
        match admission {
            Admission::Take => true,
            Admission::Ignore(score) => {
                scored(swarm, peer, score);
                false
            }
            Admission::Block => {
                self.block(swarm, *peer);
                false
            }
        }
    }

    pub(super) fn block(&self, swarm: &mut Swarm<Behaviour>, peer: PeerId) {
        if swarm.behaviour_mut().blocked.block_peer(peer) {
            tracing::warn!(%peer, "blocked for a while: it sent too much, or invalid messages");
            self.shared.counting.blocked();
            let _ = swarm.disconnect_peer_id(peer);
        }
    }
}

/// Tells gossip whether to relay a message.
pub(super) fn judged(swarm: &mut Swarm<Behaviour>, id: &MessageId, from: &PeerId, verdict: MessageAcceptance) {
    if let Some(jobs) = swarm.behaviour_mut().jobs.as_mut() {
        jobs.gossip.report_message_validation_result(id, from, verdict);
    }
}

/// Updates the gossip score of a peer.
pub(super) fn scored(swarm: &mut Swarm<Behaviour>, peer: &PeerId, score: f64) {
    if let Some(jobs) = swarm.behaviour_mut().jobs.as_mut() {
        jobs.gossip.set_application_score(peer, score);
    }
}
