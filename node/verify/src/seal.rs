//! Encryption of proposals: only the requester can read one, and it is bound to its provider and execution. `requester`
//! checks an opened ballot.

use libp2p_identity::PeerId;

use bacalhau_identity::ed25519_of;
use bacalhau_protocol::Ballot;

/// Encrypts and decrypts ballots.
pub trait Seal: Send + Sync {
    /// An unpredictable salt: 16 bytes in hexadecimal.
    ///
    /// # Errors
    /// When the system has no random number source.
    fn salt(&self) -> Result<String, SealError>;

    /// Encrypts `ballot` to its requester.
    ///
    /// # Errors
    /// When the requester's name carries no usable ed25519 key.
    fn seal(&self, ballot: &Ballot) -> Result<Vec<u8>, SealError>;

    /// Decrypts a ballot for this node.
    ///
    /// # Errors
    /// When it is for another node, or not a ballot.
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

    /// Signs `text` with the key of this node. Deterministic: the same text has the same signature, which others cannot
    /// predict.
    ///
    /// # Errors
    /// When the key cannot sign; ed25519 keys always can.
    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, SealError>;

    /// Whether `signature`, in hexadecimal, is [`sign`](Self::sign) of `signer` for `text`.
    fn is_signed(&self, signer: &PeerId, text: &[u8], signature: &str) -> bool {
        is_signed(signer, text, signature)
    }
}

/// Whether `signature`, in hexadecimal, is one by the ed25519 key of `signer` over `text`.
pub fn is_signed(signer: &PeerId, text: &[u8], signature: &str) -> bool {
    let signature = bacalhau_values::hex::decode(signature);
    let key = ed25519_of(signer);
    key.zip(signature).is_some_and(|(key, signature)| key.verify(text, &signature))
}

/// Why data cannot be encrypted or decrypted.
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
    /// The decrypted content is not a ballot.
    #[error("the decrypted content is not a ballot: {0}")]
    Ballot(String),
    /// The key does not sign.
    #[error("the key of this node does not sign: {0}")]
    Signature(String),
    /// The system has no randomness.
    #[error("the system has no randomness: {0}")]
    Random(String),
}
