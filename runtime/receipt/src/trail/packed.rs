//! Encoding of a trail, with its digests as one byte string. Inconsistent trails are rejected.

use std::fmt;

use data_encoding::BASE64;
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::{CallTrail, MOST_KEPT};
use crate::calls::FUNCTIONS;

/// Size of a digest with its function.
const ENTRY_BYTES: usize = 9;

/// An encoded [`CallTrail`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Packed {
    count: u64,
    stride: u64,
    kept: Bytes,
    last: u64,
}

impl From<CallTrail> for Packed {
    fn from(trail: CallTrail) -> Self {
        let CallTrail { count, stride, kept, last } = trail;
        let mut bytes = Vec::with_capacity(kept.len() * ENTRY_BYTES);
        for (digest, function) in kept {
            bytes.extend(digest.to_le_bytes());
            bytes.push(function);
        }
        Self { count, stride, kept: Bytes(bytes), last }
    }
}

impl TryFrom<Packed> for CallTrail {
    type Error = &'static str;

    fn try_from(packed: Packed) -> Result<Self, Self::Error> {
        let Packed { count, stride, kept: Bytes(bytes), last } = packed;
        if !stride.is_power_of_two() {
            return Err("the stride of a trail is a power of two");
        }
        let (entries, rest) = bytes.as_chunks::<ENTRY_BYTES>();
        if entries.len() > MOST_KEPT || entries.len() as u64 != count / stride || !rest.is_empty() {
            return Err("a trail keeps a digest of 9 bytes of every so many calls, and of 4096 at most");
        }
        let entry = |[digest @ .., function]: &[u8; ENTRY_BYTES]| (u64::from_le_bytes(*digest), *function);
        let kept: Vec<_> = entries.iter().map(entry).collect();
        if kept.iter().any(|(_, function)| usize::from(*function) >= FUNCTIONS.len()) {
            return Err("a trail names functions of WASI preview 1 by their number");
        }
        let end = if count == 0 { Some(0) } else { kept.last().map(|(digest, _)| *digest) };
        if count % stride == 0 && end != Some(last) {
            return Err("the last digest of a trail is that of all its calls");
        }
        Ok(Self { count, stride, kept, last })
    }
}

/// Bytes, or base64 text in human-readable formats.
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&BASE64.encode(&self.0))
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Either form: a value buffered by serde may report the wrong format.
        deserializer.deserialize_any(AnyBytes)
    }
}

struct AnyBytes;

impl Visitor<'_> for AnyBytes {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes, or text in base 64")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
        BASE64.decode(text.as_bytes()).map(Bytes).map_err(E::custom)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes(bytes.to_vec()))
    }
}
