//! Sealing: a proposal that only its requester can read, and that is of no use to anybody else. Whether an opened ballot
//! belongs where it was found is decided by `requester`.

use libp2p::PeerId;

use crate::protocol::{Ballot, ed25519_of};

/// What seals and opens.
pub trait Seal: Send + Sync {
    /// Something that nobody can guess: 16 bytes in hexadecimal.
    ///
    /// # Errors
    /// When the system has no randomness.
    fn salt(&self) -> Result<String, SealError>;

    /// Encrypts `ballot` to its requester.
    ///
    /// # Errors
    /// When the requester's name carries no usable ed25519 key.
    fn seal(&self, ballot: &Ballot) -> Result<Vec<u8>, SealError>;

    /// Decrypts what was sealed to this node.
    ///
    /// # Errors
    /// When it was not, or is no ballot.
    fn open(&self, sealed: &[u8]) -> Result<Ballot, SealError>;

    /// Encrypts the spec of a private job to the node `to`, which runs it.
    ///
    /// # Errors
    /// When the name of that node carries no usable ed25519 key.
    fn seal_spec(&self, spec: &[u8], to: &PeerId) -> Result<Vec<u8>, SealError>;

    /// Decrypts a spec that was sealed to this node.
    ///
    /// # Errors
    /// When it was not.
    fn open_spec(&self, sealed: &[u8]) -> Result<Vec<u8>, SealError>;

    /// Signs `text` with the key of this node: the same text has the same signature, which nobody else knows before.
    ///
    /// # Errors
    /// When the key cannot sign, which an ed25519 key always can.
    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, SealError>;

    /// Whether `signature`, in hexadecimal, is what [`sign`](Self::sign) of `signer` gives for `text`.
    fn is_signed(&self, signer: &PeerId, text: &[u8], signature: &str) -> bool {
        is_signed(signer, text, signature)
    }
}

/// Whether `signature`, in hexadecimal, is one by the ed25519 key of `signer` over `text`.
pub fn is_signed(signer: &PeerId, text: &[u8], signature: &str) -> bool {
    let signature = crate::hex::decode(signature);
    let key = ed25519_of(signer);
    key.zip(signature).is_some_and(|(key, signature)| key.verify(text, &signature))
}

/// Why something cannot be sealed or opened, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The recipient has no usable key.
    #[error("{0} has no ed25519 key that can be sealed to")]
    Key(PeerId),
    /// It is too large.
    #[error("it has {0} bytes, which is more than a sealed proposal may have")]
    TooLarge(usize),
    /// It was not sealed to this node, or not as it is.
    #[error("it cannot be decrypted: {0}")]
    Sealed(String),
    /// What is under the seal is no ballot.
    #[error("what is under the seal is no ballot: {0}")]
    Ballot(String),
    /// The key does not sign.
    #[error("the key of this node does not sign: {0}")]
    Signature(String),
    /// The system has no randomness.
    #[error("the system has no randomness: {0}")]
    Random(String),
}
