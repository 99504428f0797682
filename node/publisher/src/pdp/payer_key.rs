//! The key of a payer, or a session key of one: secp256k1, in a file that only its owner can read.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use bacalhau_tree::HostFailure;
use bacalhau_values::{Secret, hex};
use k256::ecdsa::SigningKey;
use zeroize::Zeroizing;

use super::keccak::keccak256;
use super::{BackendError, EthAddress};

/// Permissions of users other than the owner.
const OTHERS: u32 = 0o077;

/// A private key.
pub struct PayerKey {
    key: SigningKey,
    address: EthAddress,
}

impl PayerKey {
    /// The key in the file at `path`: 64 hexadecimal digits, with or without `0x`.
    ///
    /// # Errors
    /// When it cannot be read, other users can read it, or it is not a key. The error does not contain the key.
    pub fn from_file(path: &Path) -> Result<Self, HostFailure> {
        let shown = path.display();
        let metadata = fs::metadata(path).map_err(|error| HostFailure::at("read the key in", path, error))?;
        let mode = metadata.mode() & 0o777;
        if mode & OTHERS != 0 {
            return Err(HostFailure::new(format!(
                "{shown}: other users may read the key in it (mode {mode:o}): chmod 600"
            )));
        }
        Self::from_hex(Secret::from_file(path)?.expose())
            .ok_or_else(|| HostFailure::new(format!("{shown} is not a secp256k1 key: write 64 hexadecimal digits")))
    }

    /// The key `text`: 64 hexadecimal digits, with or without `0x`; `None` when it is not one.
    pub fn from_hex(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(hex::decode(text.strip_prefix("0x").unwrap_or(text))?);
        let key = SigningKey::from_slice(&bytes).ok()?;
        let point = key.verifying_key().to_encoded_point(false);
        // Without the byte that says that it is not compressed.
        let hash = keccak256(&[point.as_bytes().get(1..)?]);
        let address = EthAddress::new(hash[12..].try_into().ok()?);
        Some(Self { key, address })
    }

    /// The address of the key.
    pub fn address(&self) -> EthAddress {
        self.address
    }

    /// The signature of `digest`: `r`, `s` and `v`, where `v` is 27 or 28. Always the same for the same digest.
    ///
    /// # Errors
    /// When there is none, which does not happen to digests in practice.
    pub fn sign(&self, digest: &[u8; 32]) -> Result<[u8; 65], BackendError> {
        let (signature, recovery) = self.key.sign_prehash_recoverable(digest).map_err(|error| {
            BackendError::never(format!("internal error: the key does not sign: {error}"), "report it")
        })?;
        let mut bytes = [0; 65];
        bytes[..64].copy_from_slice(&signature.to_bytes());
        bytes[64] = 27 + recovery.to_byte();
        Ok(bytes)
    }
}

/// Prints no key.
impl fmt::Debug for PayerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayerKey").field("address", &self.address).finish_non_exhaustive()
    }
}
