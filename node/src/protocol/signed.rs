//! A message as it travels from one node to another: the sender's signature, then the envelope. The connection proves
//! who hands it over; the signature proves who said it, to everybody and later.
//!
//! ```text
//! ed25519 signature, 64 bytes | canonical DAG-CBOR of the envelope
//! ```

use libp2p::PeerId;
use libp2p::identity::{Keypair, PublicKey, ed25519};

use super::codec::within;
use super::{Envelope, MAX_MESSAGE_BYTES, Wire, WireError};

/// What is signed before the envelope, so that the signature means nothing anywhere else.
const CONTEXT: &[u8] = b"bacalhau message 1\n";
/// Bytes of a signature.
const SIGNATURE_BYTES: usize = 64;
/// The multihash of names that are their key: all of ed25519, none of RSA.
const IDENTITY: u64 = 0;

/// Bytes of a signed message at most.
pub const MAX_SIGNED_BYTES: usize = MAX_MESSAGE_BYTES + SIGNATURE_BYTES;

impl Envelope {
    /// The envelope, signed with the sender's key.
    ///
    /// # Errors
    /// When it is too large, or `key` is not the sender's.
    pub fn sign(&self, key: &Keypair) -> Result<Vec<u8>, WireError> {
        if key.public().to_peer_id() != self.from {
            return Err(WireError::Signature);
        }
        let envelope = self.encode()?;
        let mut bytes = key.sign(&signed_bytes(&envelope)).map_err(|_| WireError::Key)?;
        bytes.extend(envelope);
        Ok(bytes)
    }

    /// The envelope in `bytes`, if its sender signed it.
    ///
    /// # Errors
    /// When it is too large, no envelope, or not signed by its sender.
    pub fn open(bytes: &[u8]) -> Result<Self, WireError> {
        within(bytes.len(), MAX_SIGNED_BYTES)?;
        let (signature, envelope) =
            bytes.split_at_checked(SIGNATURE_BYTES).ok_or_else(|| WireError::Malformed("it is cut off".into()))?;
        let decoded = Self::decode(envelope)?;
        let key = ed25519_of(&decoded.from).ok_or(WireError::Key)?;
        if key.verify(&signed_bytes(envelope), signature) { Ok(decoded) } else { Err(WireError::Signature) }
    }
}

/// The ed25519 public key that a peer's name consists of. Other names have none.
pub fn ed25519_of(peer: &PeerId) -> Option<ed25519::PublicKey> {
    let hash = peer.as_ref();
    if hash.code() != IDENTITY {
        return None;
    }
    let key = PublicKey::try_decode_protobuf(hash.digest()).ok()?;
    // The same key could be encoded in several ways; a peer has one name.
    if key.to_peer_id() != *peer {
        return None;
    }
    key.try_into_ed25519().ok()
}

fn signed_bytes(envelope: &[u8]) -> Vec<u8> {
    [CONTEXT, envelope].concat()
}
