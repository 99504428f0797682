//! Beacons as jobs name them: a chain of drand, and a round of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Hash256;

/// A drand chain of the scheme `bls-unchained-g1-rfc9380`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeaconChain {
    /// The public key, 96 bytes in hexadecimal.
    pub public_key: String,
    /// Seconds from one round to the next, at least 1.
    pub period_seconds: u32,
    /// When round 1 is signed, in Unix seconds.
    pub genesis_seconds: u64,
    /// The hash of the group that signed the first round.
    pub group_hash: Hash256,
    /// Its name among the chains of its nodes; empty for `default`.
    pub beacon_id: String,
}

/// A round of a beacon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BeaconRound {
    /// Number of the round.
    pub round: u64,
    /// Its signature, in hexadecimal. The randomness is the SHA-256 of its bytes.
    pub signature: String,
}

impl BeaconChain {
    /// The League of Entropy's chain `quicknet`, which Filecoin uses too: a round every 3 s.
    pub fn quicknet() -> Self {
        const PUBLIC_KEY: &str = "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a";
        const GROUP_HASH: [u8; 32] = [
            0xf4, 0x77, 0xd5, 0xc8, 0x9f, 0x21, 0xa1, 0x7c, 0x86, 0x3a, 0x7f, 0x93, 0x7c, 0x6a, 0x6d, 0x15, 0x85, 0x94,
            0x14, 0xd2, 0xbe, 0x09, 0xcd, 0x44, 0x8d, 0x42, 0x79, 0xaf, 0x33, 0x1c, 0x5d, 0x3e,
        ];
        Self {
            public_key: PUBLIC_KEY.into(),
            period_seconds: 3,
            genesis_seconds: 1_692_803_367,
            group_hash: GROUP_HASH.into(),
            beacon_id: "quicknet".into(),
        }
    }

    /// The chain hash, as drand computes it.
    pub fn hash(&self) -> Hash256 {
        let key = bacalhau_values::hex::decode(&self.public_key).unwrap_or_default();
        let id = if self.beacon_id == "default" { "" } else { &self.beacon_id };
        Hash256::of(&[
            &self.period_seconds.to_be_bytes(),
            &self.genesis_seconds.to_be_bytes(),
            &key,
            self.group_hash.as_bytes(),
            id.as_bytes(),
        ])
    }

    /// When a round is signed, in Unix milliseconds.
    pub fn time_ms(&self, round: u64) -> u64 {
        let seconds = u64::from(self.period_seconds).saturating_mul(round.saturating_sub(1));
        self.genesis_seconds.saturating_add(seconds).saturating_mul(1000)
    }

    /// The first round that is signed after a time, in Unix milliseconds.
    pub fn round_after(&self, ms: u64) -> u64 {
        let genesis_ms = self.genesis_seconds.saturating_mul(1000);
        let period_ms = u64::from(self.period_seconds.max(1)) * 1000;
        ms.checked_sub(genesis_ms).map_or(1, |since| since / period_ms + 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quicknet_has_its_chain_hash() {
        let hash = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971";
        assert_eq!(BeaconChain::quicknet().hash().to_string(), hash);
    }

    #[test]
    fn the_round_after_a_time_is_the_first_one_that_is_signed_later() {
        let chain = BeaconChain::quicknet();
        let genesis = chain.time_ms(1);
        assert_eq!(genesis, 1_692_803_367_000);
        for (ms, round) in [(0, 1), (genesis - 1, 1), (genesis, 2), (genesis + 2_999, 2), (genesis + 3_000, 3)] {
            assert_eq!(chain.round_after(ms), round, "{ms}");
            assert!(chain.time_ms(round) > ms && (round == 1 || chain.time_ms(round - 1) <= ms));
        }
        assert_eq!(chain.time_ms(u64::MAX), u64::MAX);
    }
}
