//! A content identifier in the fields of jobs and receipts. Computes CIDs of bytes.

use std::fmt;
use std::str::FromStr;

use cid::CidGeneric;
use multihash::Multihash;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// Multicodec of plain bytes.
const RAW: u64 = 0x55;
/// Multicodec of DAG-CBOR.
const DAG_CBOR: u64 = 0x71;
/// Multihash code of SHA-256.
const SHA2_256: u64 = 0x12;

/// Maximum digest length of a CID: that of other implementations for identity CIDs.
pub const MAX_DIGEST_BYTES: usize = 128;

/// A CID with a digest of at most [`MAX_DIGEST_BYTES`].
pub type Cid = CidGeneric<MAX_DIGEST_BYTES>;

/// A `CIDv1`: an IPLD link in DAG-CBOR, text in JSON, so that both encodings of a receipt agree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link(Cid);

impl Link {
    /// The CID of `bytes` as one raw block (`bafkrei…`) of any length.
    pub fn of_raw(bytes: &[u8]) -> Self {
        Self::of_raw_digest(Sha256::digest(bytes).into())
    }

    /// The raw-block CID of content with a known SHA-256.
    pub fn of_raw_digest(sha256: [u8; 32]) -> Self {
        Self(Cid::new_v1(RAW, sha2_256(sha256)))
    }

    /// The CID of `bytes` as a DAG-CBOR block (`bafyrei…`).
    pub fn of_dag_cbor(bytes: &[u8]) -> Self {
        Self(Cid::new_v1(DAG_CBOR, sha2_256(Sha256::digest(bytes).into())))
    }

    /// The CID.
    pub fn cid(&self) -> &Cid {
        &self.0
    }
}

fn sha2_256(digest: [u8; 32]) -> Multihash<MAX_DIGEST_BYTES> {
    #[expect(clippy::expect_used, reason = "32 bytes always fit into a multihash of 128")]
    Multihash::wrap(SHA2_256, &digest).expect("a SHA-256 digest fits")
}

impl From<Cid> for Link {
    fn from(cid: Cid) -> Self {
        Self(cid)
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({})", self.0)
    }
}

impl FromStr for Link {
    type Err = cid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl Serialize for Link {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(&self.0) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for Link {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            text.parse().map_err(serde::de::Error::custom)
        } else {
            Cid::deserialize(deserializer).map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_links_are_what_ipfs_prints() {
        // `printf 'hello world' | ipfs add --raw-leaves --only-hash`
        let link = Link::of_raw(b"hello world");
        assert_eq!(link.to_string(), "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
    }

    #[test]
    fn both_encodings_come_back() {
        let link = Link::of_dag_cbor(b"\xa0");
        let json = serde_json::to_string(&link).unwrap();
        assert_eq!(serde_json::from_str::<Link>(&json).unwrap(), link);
        let cbor = serde_ipld_dagcbor::to_vec(&link).unwrap();
        assert_eq!(cbor[..2], [0xd8, 42], "an IPLD link carries tag 42");
        assert_eq!(serde_ipld_dagcbor::from_slice::<Link>(&cbor).unwrap(), link);
    }
}
