//! From the randomness of a fair draw to the order of its bidders.
//!
//! ```text
//! commitment = SHA-256(canonical DAG-CBOR of the commitment)
//! randomness = SHA-256 of the signature of the beacon's round, or
//!              SHA-256("bacalhau draw reveals 1\n" ‖ commitment ‖ requester's secret ‖ PeerId ‖ secret ‖ PeerId ‖ secret ‖ …)
//! seed       = SHA-256("bacalhau draw seed 1\n" ‖ randomness ‖ shard, 4 bytes, big-endian ‖ commitment)
//! rank       = SHA-256(seed ‖ PeerId)             the smallest is drawn first
//! ```

use libp2p_identity::PeerId;

use super::{FairRound, Randomness};
use crate::Hash256;

const REVEALS: &[u8] = b"bacalhau draw reveals 1\n";
const SEED: &[u8] = b"bacalhau draw seed 1\n";

/// The seed of a shard's draw in a round; `None` while the randomness is unknown.
pub fn seed(round: &FairRound, shard: u32) -> Option<Hash256> {
    let commitment = &round.signed.commitment;
    let hash = commitment.hash();
    let randomness = match commitment.randomness {
        Randomness::Reveal => {
            let mut parts: Vec<Vec<u8>> = vec![round.secret.as_ref()?.value.as_bytes().to_vec()];
            for revealed in &round.reveals {
                parts.push(revealed.peer.to_bytes());
                parts.push(revealed.secret.value.as_bytes().to_vec());
            }
            Hash256::of(&[REVEALS, hash.as_bytes(), &parts.concat()])
        }
        Randomness::Beacon { .. } => Hash256::of(&[&bacalhau_values::hex::decode(&round.beacon.as_ref()?.signature)?]),
    };
    Some(Hash256::of(&[SEED, randomness.as_bytes(), &shard.to_be_bytes(), hash.as_bytes()]))
}

/// `bidders` in the order of the draw with this seed.
pub fn order(seed: &Hash256, bidders: &[PeerId]) -> Vec<PeerId> {
    let rank = |peer: &PeerId| Hash256::of(&[seed.as_bytes(), &peer.to_bytes()]);
    let mut ranked: Vec<(Hash256, PeerId)> = bidders.iter().map(|peer| (rank(peer), *peer)).collect();
    ranked.sort_unstable();
    ranked.dedup();
    ranked.into_iter().map(|(_, peer)| peer).collect()
}
