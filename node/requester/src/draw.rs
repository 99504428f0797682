//! The draw: which bidders run a shard. Uniform, and repeatable from the record of the job.

use libp2p_identity::PeerId;
use sha2::{Digest, Sha256};

use bacalhau_job::JobId;

/// `bidders` in the order of round `round` of a shard's draws, by ascending rank:
///
/// ```text
/// set  = SHA-256(PeerId ‖ PeerId ‖ …)                               of all bidders, sorted, each once
/// rank = SHA-256(job id ‖ shard ‖ set ‖ round ‖ PeerId)             the smallest is taken first
/// ```
///
/// where the job id has 20 bytes, peer ids have their binary form, `shard` is 4 bytes and `round` 2, big-endian, from
/// 1. A bidder can choose its own peer id, but not those of others, so it cannot aim at a rank.
pub fn draw(job: &JobId, shard: u32, round: u16, bidders: &[PeerId]) -> Vec<PeerId> {
    let mut names: Vec<(Vec<u8>, PeerId)> = bidders.iter().map(|peer| (peer.to_bytes(), *peer)).collect();
    names.sort_unstable();
    names.dedup();
    let mut set = Sha256::new();
    for (name, _) in &names {
        set.update(name);
    }
    let set = set.finalize();
    let rank = |name: &[u8]| -> [u8; 32] {
        let mut rank = Sha256::new();
        rank.update(job.as_bytes());
        rank.update(shard.to_be_bytes());
        rank.update(set);
        rank.update(round.to_be_bytes());
        rank.update(name);
        rank.finalize().into()
    };
    let mut ranked: Vec<([u8; 32], PeerId)> = names.iter().map(|(name, peer)| (rank(name), *peer)).collect();
    ranked.sort_unstable();
    ranked.into_iter().map(|(_, peer)| peer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::{job, peer};

    #[test]
    fn every_bidder_is_drawn_about_as_often_as_any_other() {
        let job = job(1, 0, 0).id;
        let bidders: Vec<PeerId> = (0..5).map(peer).collect();
        let mut first = [0_u32; 5];
        for shard in 0..1000 {
            let order = draw(&job, shard, 1, &bidders);
            assert_eq!(order.len(), 5);
            first[bidders.iter().position(|peer| *peer == order[0]).unwrap()] += 1;
        }
        assert!(first.iter().all(|times| (140..260).contains(times)), "{first:?}");
    }

    #[test]
    fn the_order_in_which_bids_came_is_nothing_and_the_round_is_something() {
        let job = job(1, 0, 0).id;
        let bidders: Vec<PeerId> = (0..9).map(peer).collect();
        let backwards: Vec<PeerId> = bidders.iter().rev().chain(&bidders[..2]).copied().collect();
        assert_eq!(draw(&job, 0, 1, &bidders), draw(&job, 0, 1, &backwards));
        assert_ne!(draw(&job, 0, 1, &bidders), draw(&job, 0, 2, &bidders));
        assert_ne!(draw(&job, 0, 1, &bidders), draw(&job, 1, 1, &bidders));
    }
}
