//! Chain descriptions of drand, as relays serve them at `/CHAIN-HASH/info`.

use serde::Deserialize;

use super::{ChainError, SCHEME};
use bacalhau_job::{BeaconChain, Hash256};

/// The parts that are needed. Others are not looked at.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
struct Info {
    public_key: String,
    period: u32,
    genesis_time: u64,
    #[serde(rename = "groupHash", alias = "genesis_seed")]
    group_hash: Hash256,
    hash: Option<Hash256>,
    #[serde(rename = "schemeID", alias = "scheme")]
    scheme: String,
    metadata: Option<Metadata>,
    beacon_id: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(rename = "beaconID")]
    beacon_id: String,
}

/// The chain described by the JSON `text`.
///
/// # Errors
/// When it is invalid, has another scheme, or does not match its hash.
pub fn parse_chain(text: &str) -> Result<BeaconChain, ChainError> {
    let info: Info = serde_json::from_str(text).map_err(|error| ChainError::Malformed(error.to_string()))?;
    if info.scheme != SCHEME {
        return Err(ChainError::Scheme(info.scheme));
    }
    if info.period == 0 {
        return Err(ChainError::NoPeriod);
    }
    let chain = BeaconChain {
        public_key: info.public_key,
        period_seconds: info.period,
        genesis_seconds: info.genesis_time,
        group_hash: info.group_hash,
        beacon_id: info.metadata.map(|it| it.beacon_id).or(info.beacon_id).unwrap_or_default(),
    };
    match info.hash.filter(|hash| *hash != chain.hash()) {
        Some(described) => Err(ChainError::Hash { of_chain: chain.hash(), described }),
        None => Ok(chain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICKNET: &str = r#"{"public_key":"83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a","period":3,"genesis_time":1692803367,"hash":"52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971","groupHash":"f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e","schemeID":"bls-unchained-g1-rfc9380","metadata":{"beaconID":"quicknet"}}"#;

    #[test]
    fn quicknet_is_what_its_relays_describe() {
        assert_eq!(parse_chain(QUICKNET), Ok(BeaconChain::quicknet()));
    }

    #[test]
    fn descriptions_of_other_chains_and_schemes_are_refused() {
        let wrong = |from: &str, to: &str| parse_chain(&QUICKNET.replace(from, to)).unwrap_err().to_string();
        assert!(wrong("\"period\":3", "\"period\":4").contains("its hash is"));
        assert!(wrong("\"period\":3", "\"period\":0").contains("its period is 0 s"));
        assert!(wrong("rfc9380", "other").contains("are not supported"));
        assert!(wrong("public_key", "key").contains("not the description of a chain"));
    }
}
