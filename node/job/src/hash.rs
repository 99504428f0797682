//! A SHA-256 as jobs and messages carry it.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use bacalhau_values::hex::{self, Hex};

/// 32 bytes of SHA-256, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hash256([u8; 32]);

impl Hash256 {
    /// The hash of `parts`, one after the other.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Hash256 {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<String> for Hash256 {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = hex::decode(&text).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let hash = bytes.map(Self).filter(|hash| hash.to_string() == text);
        hash.ok_or("not a SHA-256: 64 lower-case hexadecimal digits are expected")
    }
}

impl From<Hash256> for String {
    fn from(hash: Hash256) -> Self {
        hash.to_string()
    }
}

impl fmt::Display for Hash256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

impl fmt::Debug for Hash256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Serialized as text.
impl PartialSchema for Hash256 {
    fn schema() -> RefOr<Schema> {
        String::schema()
    }
}

impl ToSchema for Hash256 {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_has_one_text() {
        let hash = Hash256::of(&[b"a", b"bc"]);
        assert_eq!(hash.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(Hash256::try_from(hash.to_string()), Ok(hash));
        for wrong in [hash.to_string().to_uppercase(), "ab".into(), format!("{hash}00"), String::new()] {
            let error = Hash256::try_from(wrong.clone()).unwrap_err();
            assert!(error.contains("64 lower-case hexadecimal digits"), "{wrong}: {error}");
        }
    }
}
