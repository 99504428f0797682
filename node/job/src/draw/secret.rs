//! A party's contribution to the randomness of fair draws: one secret for each round of a job. One hash in its bid, or
//! in the announcement, commits to all of them. All follow from one signature, so there is no state to store, and no
//! other party knows one before it is revealed.
//!
//! ```text
//! base     = SHA-256(ed25519 signature over "bacalhau draw secret v1 ROLE JOB")
//! secret r = SHA-256(base ‖ r)                    r from 1, 2 bytes, big-endian
//! commit   = root of the Merkle tree over the secrets 1 to 64
//! ```

use bacalhau_receipt::bounded;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::tree::{Tree, leads};
use crate::{Hash256, JobId};

/// Draws of one job, at most.
pub const MAX_ROUNDS: u16 = 64;
/// Hashes that lead from a secret to the commit.
const PATH: usize = 6;

/// All secrets of a party for one job.
#[derive(Clone, Debug)]
pub struct Secrets(Vec<Hash256>);

/// A revealed secret with the proof of its commitment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// The secret of the round.
    pub value: Hash256,
    /// Hashes that lead from it to the party's commit.
    #[serde(deserialize_with = "bounded::list::<_, _, PATH>")]
    pub path: Vec<Hash256>,
}

impl Secrets {
    /// The message that the requester of `job` signs for its secrets.
    pub fn of_requester(job: &JobId) -> Vec<u8> {
        format!("bacalhau draw secret v1 requester {job}").into_bytes()
    }

    /// The message that a bidder for `job` signs for its secrets, different from the requester's.
    pub fn of_bidder(job: &JobId) -> Vec<u8> {
        format!("bacalhau draw secret v1 bidder {job}").into_bytes()
    }

    /// The secrets derived from a signature.
    pub fn new(signature: &[u8]) -> Self {
        let base = Hash256::of(&[signature]);
        Self((1..=MAX_ROUNDS).map(|round| Hash256::of(&[base.as_bytes(), &round.to_be_bytes()])).collect())
    }

    /// The hash that binds the party to all of them.
    pub fn commit(&self) -> Hash256 {
        self.tree().root()
    }

    /// The secret of `round`, from 1; absent beyond [`MAX_ROUNDS`].
    pub fn reveal(&self, round: u16) -> Option<Secret> {
        let index = usize::from(round.checked_sub(1)?);
        Some(Secret { value: *self.0.get(index)?, path: self.tree().path(index) })
    }

    fn tree(&self) -> Tree {
        let secrets: Vec<&[u8; 32]> = self.0.iter().map(Hash256::as_bytes).collect();
        Tree::of(&secrets)
    }
}

impl Secret {
    /// Whether a party with this commit was bound to it for `round`.
    pub fn is_of(&self, commit: &Hash256, round: u16) -> bool {
        let Some(index) = round.checked_sub(1) else { return false };
        leads(commit, self.value.as_bytes(), index.into(), MAX_ROUNDS.into(), &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_is_bound_to_one_secret_for_each_round() {
        let (secrets, others) = (Secrets::new(b"signature"), Secrets::new(b"another"));
        let commit = secrets.commit();
        for round in 1..=MAX_ROUNDS {
            let secret = secrets.reveal(round).unwrap();
            assert!(secret.is_of(&commit, round));
            assert!(!secret.is_of(&commit, round % MAX_ROUNDS + 1), "the secret of another round");
            assert!(!others.reveal(round).unwrap().is_of(&commit, round));
        }
        assert!(secrets.reveal(0).is_none() && secrets.reveal(MAX_ROUNDS + 1).is_none());
        let job: JobId = "a".repeat(32).parse().unwrap();
        assert_ne!(Secrets::of_requester(&job), Secrets::of_bidder(&job));
    }
}
