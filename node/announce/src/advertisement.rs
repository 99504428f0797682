//! An advertisement: which multihashes a provider has, signed by it, with a link to the advertisement before
//! (<https://github.com/ipni/specs/blob/main/IPNI.md#advertisements>).

use bytes::Bytes;
use libp2p_core::SignedEnvelope;
use libp2p_identity::{Keypair, SigningError};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::dag_json::{self, Blob, Link};
use bacalhau_cas::{Cid, DataError};

/// Domain and type of the signed envelope.
const DOMAIN: &str = "indexer";
const CODEC: &[u8] = b"/indexer/ingest/adSignature";
/// The multihash of SHA-256: code and length.
const SHA2_256: [u8; 2] = [0x12, 0x20];
/// Stands for no entries: 16 bytes of the SHA-256 of nothing.
pub(crate) const NO_ENTRIES: &str = "bafkreehdwdcefgh4dqkjv67uzcmw7oje";
/// Metadata of data that can be had over Bitswap: the code of `transport-bitswap` as a varint, and nothing else.
pub(crate) const BITSWAP: &[u8] = &[0x80, 0x12];

/// What is advertised.
#[derive(Clone, Debug)]
pub(crate) struct Advertisement {
    /// The advertisement before, if there is one.
    pub(crate) previous: Option<Cid>,
    /// Peer ID of the provider.
    pub(crate) provider: String,
    /// Multiaddrs of the provider.
    pub(crate) addresses: Vec<String>,
    /// The first chunk of multihashes.
    pub(crate) entries: Cid,
    /// Names the set of multihashes, so that it can be removed.
    pub(crate) context: Vec<u8>,
    /// How the data can be had.
    pub(crate) metadata: Vec<u8>,
    /// Whether the set is not to be had any more.
    pub(crate) is_removal: bool,
}

/// The form on the wire. The fields are in the order of their names.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Wire<'a> {
    addresses: &'a [String],
    #[serde(rename = "ContextID")]
    context_id: Blob,
    entries: Link,
    is_rm: bool,
    metadata: Blob,
    #[serde(rename = "PreviousID", skip_serializing_if = "Option::is_none")]
    previous_id: Option<Link>,
    provider: &'a str,
    signature: Blob,
}

impl Advertisement {
    /// The signed block of it, and its CID.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub(crate) fn sign(&self, key: &Keypair) -> Result<(Cid, Bytes), DataError> {
        let failed =
            |error: SigningError| DataError::malformed("an advertisement", format!("it cannot be signed: {error}"));
        let envelope = SignedEnvelope::new(key, DOMAIN.into(), CODEC.into(), self.signed()).map_err(failed)?;
        dag_json::block(&Wire {
            addresses: &self.addresses,
            context_id: Blob(self.context.clone()),
            entries: Link(self.entries),
            is_rm: self.is_removal,
            metadata: Blob(self.metadata.clone()),
            previous_id: self.previous.map(Link),
            provider: &self.provider,
            signature: Blob(envelope.into_protobuf_encoding()),
        })
    }

    /// What the signature is of: the multihash of the fields one after the other, of which the context is not one.
    fn signed(&self) -> Vec<u8> {
        let mut hash = Sha256::new();
        if let Some(previous) = &self.previous {
            hash.update(previous.to_bytes());
        }
        hash.update(self.entries.to_bytes());
        hash.update(&self.provider);
        for address in &self.addresses {
            hash.update(address);
        }
        hash.update(&self.metadata);
        hash.update([u8::from(self.is_removal)]);
        SHA2_256.into_iter().chain(hash.finalize()).collect()
    }
}

#[cfg(test)]
mod tests;
