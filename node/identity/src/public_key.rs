//! Peer ids that hold a public key.

use libp2p_identity::{PeerId, PublicKey, ed25519};

/// Multihash code of peer ids that hold their key: all of ed25519, none of RSA.
const IDENTITY: u64 = 0;

/// The ed25519 public key that a peer's name consists of. Other names have none.
pub fn ed25519_of(peer: &PeerId) -> Option<ed25519::PublicKey> {
    let hash = peer.as_ref();
    if hash.code() != IDENTITY {
        return None;
    }
    let key = PublicKey::try_decode_protobuf(hash.digest()).ok()?;
    // A key has several encodings, but a peer has one id.
    if key.to_peer_id() != *peer {
        return None;
    }
    key.try_into_ed25519().ok()
}
