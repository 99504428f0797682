//! Bytes of what nodes say: canonical DAG-CBOR, and nothing else. Whoever reads compares sizes first, then decodes, then
//! encodes again: bytes that are not the one encoding of what they mean are refused, so that nobody can say one thing
//! in two ways.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{
    Announcement, Ballot, Envelope, MAX_ANNOUNCEMENT_BYTES, MAX_MESSAGE_BYTES, MAX_REPLY_BYTES, MAX_SEALED_BYTES,
    MAX_SPEC_BYTES, Reply,
};
use crate::job::{AnnouncedJob, to_dag_cbor};

/// Why bytes say nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// They are too many. Nothing was decoded.
    #[error("it has {bytes} bytes, and {allowed} are allowed")]
    TooLarge {
        /// How many there are.
        bytes: usize,
        /// How many may be.
        allowed: usize,
    },
    /// They mean nothing.
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

/// What travels from node to node.
pub trait Wire: Sized {
    /// Bytes at most.
    const MAX_BYTES: usize;

    /// The canonical bytes.
    ///
    /// # Errors
    /// [`WireError::TooLarge`]: nobody would read them.
    fn encode(&self) -> Result<Vec<u8>, WireError>;

    /// What `bytes` say.
    ///
    /// # Errors
    /// When they are too many, or are not what [`encode`](Self::encode) gives for anything.
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
