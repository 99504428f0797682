//! A signed message: the sender's signature, then the envelope. The connection authenticates the peer; the signature
//! proves authorship to third parties.
//!
//! ```text
//! ed25519 signature, 64 bytes | canonical DAG-CBOR of the envelope
//! ```

use libp2p_identity::Keypair;

use bacalhau_identity::ed25519_of;

use super::codec::within;
use super::{Envelope, MAX_MESSAGE_BYTES, Wire, WireError};

/// Domain separation prefix of the signature.
const CONTEXT: &[u8] = b"bacalhau message 1\n";
/// Bytes of a signature.
const SIGNATURE_BYTES: usize = 64;

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

fn signed_bytes(envelope: &[u8]) -> Vec<u8> {
    [CONTEXT, envelope].concat()
}
