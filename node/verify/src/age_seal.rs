//! Encryption of proposals: age v1 files for the X25519 key derived from a node's ed25519 identity, as in libsodium.
//! Any age implementation decrypts them with that key. age does not authenticate the sender: the ballot and the
//! signature around it do.

use std::fmt;

use age::x25519::{Identity, Recipient};
use bech32::{Bech32, Hrp};
use curve25519_dalek::edwards::CompressedEdwardsY;
use libp2p_identity::Keypair;
use libp2p_identity::PeerId;
use sha2::{Digest, Sha512};
use zeroize::{Zeroize, Zeroizing};

use super::{Seal, SealError};
use bacalhau_identity::ed25519_of;
use bacalhau_protocol::{Ballot, MAX_SEALED_BYTES, Wire, WireError};

/// Random bytes in a salt.
const SALT_BYTES: usize = 16;

/// Encrypts and decrypts with age.
pub struct AgeSeal {
    /// Wiped by age when it is dropped.
    identity: Identity,
    peer: PeerId,
    key: Keypair,
}

impl AgeSeal {
    /// The seal of the node with this key.
    ///
    /// # Errors
    /// When the key is not ed25519.
    pub fn new(key: &Keypair) -> Result<Self, SealError> {
        let peer = key.public().to_peer_id();
        let no_key = || SealError::Key(peer);
        let pair = key.clone().try_into_ed25519().map_err(|_| no_key())?;
        let mut hash: [u8; 64] = Sha512::digest(pair.secret().as_ref()).into();
        let text = bech32::encode_upper::<Bech32>(Hrp::parse_unchecked("age-secret-key-"), &hash[..32]);
        hash.zeroize();
        let text = Zeroizing::new(text.map_err(|_| no_key())?);
        let identity = text.parse().map_err(|_| no_key())?;
        Ok(Self { identity, peer, key: key.clone() })
    }
}

impl Seal for AgeSeal {
    fn salt(&self) -> Result<String, SealError> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(|error| SealError::Random(error.to_string()))?;
        Ok(bacalhau_values::hex::Hex(&salt).to_string())
    }

    fn seal(&self, ballot: &Ballot) -> Result<Vec<u8>, SealError> {
        let recipient = recipient(&ballot.requester)?;
        let plain = Zeroizing::new(ballot.encode().map_err(|error| match error {
            WireError::TooLarge { bytes, .. } => SealError::TooLarge(bytes),
            other => SealError::Ballot(other.to_string()),
        })?);
        let sealed = age::encrypt(&recipient, &plain).map_err(|error| SealError::Sealed(error.to_string()))?;
        within(&sealed).map(|()| sealed)
    }

    fn open(&self, sealed: &[u8]) -> Result<Ballot, SealError> {
        within(sealed)?;
        let plain = age::decrypt(&self.identity, sealed).map_err(|error| SealError::Sealed(error.to_string()))?;
        Ballot::decode(&Zeroizing::new(plain)).map_err(|error| SealError::Ballot(error.to_string()))
    }

    fn seal_spec(&self, spec: &[u8], to: &PeerId) -> Result<Vec<u8>, SealError> {
        age::encrypt(&recipient(to)?, spec).map_err(|error| SealError::Sealed(error.to_string()))
    }

    fn open_spec(&self, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        age::decrypt(&self.identity, sealed).map_err(|error| SealError::Sealed(error.to_string()))
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, SealError> {
        self.key.sign(text).map_err(|error| SealError::Signature(error.to_string()))
    }
}

fn within(sealed: &[u8]) -> Result<(), SealError> {
    if sealed.len() > MAX_SEALED_BYTES { Err(SealError::TooLarge(sealed.len())) } else { Ok(()) }
}

/// The age recipient of a peer id. Points of small order, or with such a component, are rejected: ciphertexts for them
/// are readable or malleable by others.
fn recipient(peer: &PeerId) -> Result<Recipient, SealError> {
    let no_key = || SealError::Key(*peer);
    let key = ed25519_of(peer).ok_or_else(no_key)?.to_bytes();
    let point = CompressedEdwardsY(key).decompress().ok_or_else(no_key)?;
    if point.is_small_order() || !point.is_torsion_free() {
        return Err(no_key());
    }
    let text = bech32::encode_lower::<Bech32>(Hrp::parse_unchecked("age"), point.to_montgomery().as_bytes());
    text.map_err(|_| no_key())?.parse().map_err(|_| no_key())
}

/// Never shows the key.
impl fmt::Debug for AgeSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AgeSeal").field(&self.peer).finish()
    }
}

#[cfg(test)]
mod tests;
