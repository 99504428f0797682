//! Encoding of messages: canonical DAG-CBOR. Decoding checks the size, decodes, and encodes again: other encodings of
//! the same value are rejected, so that a message has exactly one form.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{
    Announcement, Ballot, Envelope, MAX_ANNOUNCEMENT_BYTES, MAX_MESSAGE_BYTES, MAX_REPLY_BYTES, MAX_SEALED_BYTES,
    MAX_SPEC_BYTES, Reply,
};
use bacalhau_job::{AnnouncedJob, to_dag_cbor};

/// Why bytes are not a valid message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Larger than the limit. Nothing was decoded.
    #[error("it has {bytes} bytes, and {allowed} are allowed")]
    TooLarge {
        /// Size in bytes.
        bytes: usize,
        /// The limit in bytes.
        allowed: usize,
    },
    /// Not a valid encoding.
    #[error("it cannot be decoded: {0}")]
    Malformed(String),
    /// They mean something that is written in other bytes.
    #[error("it is not in its canonical encoding")]
    NotCanonical,
    /// The name of the sender carries no ed25519 key.
    #[error("its sender has no ed25519 key")]
    Key,
    /// Not its sender signed it.
    #[error("it is not signed by its sender")]
    Signature,
}

/// A type that is sent between nodes.
pub trait Wire: Sized {
    /// Maximum size in bytes.
    const MAX_BYTES: usize;

    /// The canonical bytes.
    ///
    /// # Errors
    /// [`WireError::TooLarge`]: recipients would reject them.
    fn encode(&self) -> Result<Vec<u8>, WireError>;

    /// Decodes `bytes`.
    ///
    /// # Errors
    /// When they are too large, or not the result of [`encode`](Self::encode).
    fn decode(bytes: &[u8]) -> Result<Self, WireError>;
}

macro_rules! wire {
    ($($what:ty: $max:expr),*) => {$(
        impl Wire for $what {
            const MAX_BYTES: usize = $max;

            fn encode(&self) -> Result<Vec<u8>, WireError> {
                encode(self, Self::MAX_BYTES)
            }

            fn decode(bytes: &[u8]) -> Result<Self, WireError> {
                decode(bytes, Self::MAX_BYTES)
            }
        }
    )*};
}

wire!(
    AnnouncedJob: MAX_SPEC_BYTES,
    Announcement: MAX_ANNOUNCEMENT_BYTES,
    Envelope: MAX_MESSAGE_BYTES,
    Reply: MAX_REPLY_BYTES,
    Ballot: MAX_SEALED_BYTES
);

fn encode(value: &impl Serialize, allowed: usize) -> Result<Vec<u8>, WireError> {
    let bytes = to_dag_cbor(value);
    within(bytes.len(), allowed).map(|()| bytes)
}

fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8], allowed: usize) -> Result<T, WireError> {
    within(bytes.len(), allowed)?;
    let value = serde_ipld_dagcbor::from_slice(bytes).map_err(|error| WireError::Malformed(error.to_string()))?;
    if to_dag_cbor(&value) == bytes { Ok(value) } else { Err(WireError::NotCanonical) }
}

pub(super) fn within(bytes: usize, allowed: usize) -> Result<(), WireError> {
    if bytes > allowed { Err(WireError::TooLarge { bytes, allowed }) } else { Ok(()) }
}
