//! Announcements by gossipsub: signed, checked before they are handed on, of one topic, from peers with a score.

use std::collections::HashSet;
use std::time::Duration;

use libp2p::gossipsub::{
    self, ConfigBuilder, IdentTopic, IdentityTransform, MaxCountSubscriptionFilter, MessageAuthenticity,
    PeerScoreParams, PeerScoreThresholds, TopicScoreParams, ValidationMode, WhitelistSubscriptionFilter,
};
use libp2p::identity::Keypair;

use super::{MAX_GOSSIP_BYTES, TOPIC, TransportError};

pub(super) type Gossip =
    gossipsub::Behaviour<IdentityTransform, MaxCountSubscriptionFilter<WhitelistSubscriptionFilter>>;

/// Maximum overhead of gossipsub around an announcement: names, key, signature.
const AROUND: usize = 4096;
/// Subscriptions that one packet may hold; there is one topic.
const SUBSCRIPTIONS: usize = 16;

pub(super) fn topic() -> IdentTopic {
    IdentTopic::new(TOPIC)
}

/// Gossip with subscription. A message id is author and number, so a repeated announcement is relayed again.
pub(super) fn gossip(key: &Keypair) -> Result<Gossip, TransportError> {
    let failed = |why: String| TransportError::Gossip(why);
    let config = ConfigBuilder::default()
        .validation_mode(ValidationMode::Strict)
        .validate_messages()
        .flood_publish(true)
        .max_transmit_size(MAX_GOSSIP_BYTES + AROUND)
        // Nodes of one process want a mesh before five seconds, the default, have passed.
        .heartbeat_initial_delay(Duration::from_millis(200))
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let filter = MaxCountSubscriptionFilter {
        filter: WhitelistSubscriptionFilter(HashSet::from([topic().hash()])),
        max_subscribed_topics: 1,
        max_subscriptions_per_request: SUBSCRIPTIONS,
    };
    let author = MessageAuthenticity::Signed(key.clone());
    let mut gossip =
        Gossip::new_with_subscription_filter(author, config, filter).map_err(|why| failed(why.to_string()))?;
    gossip.with_peer_score(scores(), PeerScoreThresholds::default()).map_err(failed)?;
    gossip.subscribe(&topic()).map_err(|error| failed(error.to_string()))?;
    Ok(gossip)
}

/// Scores only decrease: by strikes (`budgets`), invalid messages, and violations of gossipsub's rules. Presence and
/// speed earn nothing, so peers cannot accumulate credit for misbehaviour.
fn scores() -> PeerScoreParams {
    let jobs = TopicScoreParams {
        time_in_mesh_weight: 0.0,
        first_message_deliveries_weight: 0.0,
        // Silent peers have no penalty, because jobs are rare.
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        ..TopicScoreParams::default()
    };
    PeerScoreParams {
        topics: [(topic().hash(), jobs)].into(),
        app_specific_weight: 1.0,
        // `budgets` limits addresses; a provider may have many nodes behind one.
        ip_colocation_factor_weight: 0.0,
        ..PeerScoreParams::default()
    }
}
