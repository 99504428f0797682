//! Hash functions of CIDs: the supported ones, and names of others for messages. Names and codes are those of
//! multicodec.

use std::io::{self, Read};

use bacalhau_tree::MAX_DIGEST_BYTES;
use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest as _};
use multihash::Multihash;
use sha2::{Digest as _, Sha256, Sha512};

use super::{Cid, DataError};

/// Multihash code of SHA-256.
pub const SHA2_256: u64 = 0x12;
/// Multihash code of SHA-512.
const SHA2_512: u64 = 0x13;
/// Multihash code of `BLAKE2b` with 32 bytes, by which Lotus and Boost name blocks.
const BLAKE2B_256: u64 = 0xb220;
/// Multihash code of no hash at all: the digest is the data.
pub const IDENTITY: u64 = 0x00;

/// Bytes that are hashed at a time.
const HASHED_BYTES: usize = 256 << 10;

/// The supported functions, for messages.
const SUPPORTED: &str = "sha2-256, sha2-512, blake2b-256 and identity are";

/// A hash with its function.
pub type Hash = Multihash<MAX_DIGEST_BYTES>;

/// A hash function that is computed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Sha2_256,
    Sha2_512,
    Blake2b256,
}

impl Function {
    /// The function with this code.
    fn of(code: u64) -> Option<Self> {
        match code {
            SHA2_256 => Some(Self::Sha2_256),
            SHA2_512 => Some(Self::Sha2_512),
            BLAKE2B_256 => Some(Self::Blake2b256),
            _ => None,
        }
    }

    /// Bytes of a digest.
    fn digest_bytes(self) -> usize {
        match self {
            Self::Sha2_256 | Self::Blake2b256 => 32,
            Self::Sha2_512 => 64,
        }
    }

    fn hash(self, code: u64, bytes: &[u8]) -> Option<Hash> {
        match self {
            Self::Sha2_256 => Hash::wrap(code, &Sha256::digest(bytes)).ok(),
            Self::Sha2_512 => Hash::wrap(code, &Sha512::digest(bytes)).ok(),
            Self::Blake2b256 => Hash::wrap(code, &Blake2b::<U32>::digest(bytes)).ok(),
        }
    }
}

/// The hash of `bytes` by the function of `code`. `None` where that is not computed here, or the bytes do not fit into an
/// identity.
pub fn hash(code: u64, bytes: &[u8]) -> Option<Hash> {
    if code == IDENTITY { Hash::wrap(code, bytes).ok() } else { Function::of(code)?.hash(code, bytes) }
}

/// Hashes all data of `reader`, which may be larger than a block.
///
/// # Errors
/// When it cannot be read.
pub fn hash_all(code: u64, reader: &mut dyn Read) -> io::Result<Option<Hash>> {
    Ok(match Function::of(code) {
        Some(Function::Sha2_256) => {
            let mut digest = Sha256::new();
            read_all(reader, &mut |bytes| digest.update(bytes))?;
            Hash::wrap(code, &digest.finalize()).ok()
        }
        Some(Function::Sha2_512) => {
            let mut digest = Sha512::new();
            read_all(reader, &mut |bytes| digest.update(bytes))?;
            Hash::wrap(code, &digest.finalize()).ok()
        }
        Some(Function::Blake2b256) => {
            let mut digest = Blake2b::<U32>::new();
            read_all(reader, &mut |bytes| digest.update(bytes))?;
            Hash::wrap(code, &digest.finalize()).ok()
        }
        None => {
            let mut bytes = Vec::new();
            reader.take(MAX_DIGEST_BYTES as u64 + 1).read_to_end(&mut bytes)?;
            hash(code, &bytes)
        }
    })
}

fn read_all(reader: &mut dyn Read, seen: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let mut chunk = vec![0; HASHED_BYTES];
    loop {
        match reader.read(&mut chunk)? {
            0 => return Ok(()),
            read => seen(&chunk[..read]),
        }
    }
}

/// Whether bytes can be verified against `cid`.
///
/// # Errors
/// [`DataError::Unsupported`] for unsupported hash functions, and for digests of another length.
pub fn can_check(cid: &Cid) -> Result<(), DataError> {
    let (code, size) = (cid.hash().code(), usize::from(cid.hash().size()));
    if code == IDENTITY {
        return Ok(());
    }
    let Some(function) = Function::of(code) else {
        return Err(DataError::unsupported(format!("hash function {} of {cid}", name(code)), SUPPORTED));
    };
    if size != function.digest_bytes() {
        let what = format!("a digest of {size} bytes by {}, as in {cid},", name(code));
        let why = format!("its hash has {} bytes, and all of them are needed", function.digest_bytes());
        return Err(DataError::unsupported(what, why));
    }
    Ok(())
}

/// The name of the hash function of `code`.
fn name(code: u64) -> String {
    let name = match code {
        IDENTITY => "identity",
        0x11 => "sha1",
        SHA2_256 => "sha2-256",
        SHA2_512 => "sha2-512",
        0x14 => "sha3-512",
        0x15 => "sha3-384",
        0x16 => "sha3-256",
        0x17 => "sha3-224",
        0x1b => "keccak-256",
        0x1d => "keccak-512",
        0x1e => "blake3",
        0x20 => "sha2-384",
        0x22 => "murmur3-x64-64",
        0x56 => "dbl-sha2-256",
        0xd5 => "md5",
        0x1011 => "fr32-sha2-256-trunc254-padded-binary-tree",
        0x1012 => "sha2-256-trunc254-padded",
        0xb401 => "poseidon-bls12_381-a2-fc1",
        0xb201..=0xb240 => return format!("blake2b-{}", (code - 0xb200) * 8),
        0xb241..=0xb260 => return format!("blake2s-{}", (code - 0xb240) * 8),
        other => return format!("0x{other:x}"),
    };
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RAW;

    fn cid(code: u64, digest: &[u8]) -> Cid {
        Cid::new_v1(RAW, Hash::wrap(code, digest).unwrap())
    }

    #[test]
    fn functions_of_others_and_shortened_digests_are_refused_by_name() {
        let table: [(u64, usize, &str); 6] = [
            (0x11, 20, "hash function sha1 of "),
            (0x1e, 32, "hash function blake3 of "),
            (0xb214, 20, "hash function blake2b-160 of "),
            (0xffff, 1, "hash function 0xffff of "),
            (SHA2_256, 20, "a digest of 20 bytes by sha2-256"),
            (SHA2_512, 65, "a digest of 65 bytes by sha2-512"),
        ];
        for (code, size, words) in table {
            let error = can_check(&cid(code, &vec![1; size])).unwrap_err();
            assert!(matches!(error, DataError::Unsupported { .. }) && error.to_string().contains(words), "{error}");
        }
        for (code, size) in [(SHA2_256, 32), (SHA2_512, 64), (BLAKE2B_256, 32), (IDENTITY, 0), (IDENTITY, 128)] {
            can_check(&cid(code, &vec![1; size])).unwrap();
        }
    }

    #[test]
    fn hashes_are_those_of_other_implementations() {
        // `b2sum -l 256`, `sha512sum`.
        let blake = hash(BLAKE2B_256, b"hi blake").unwrap();
        assert_eq!(
            bacalhau_values::hex::Hex(blake.digest()).to_string(),
            "0b380528ac36dc96d2c7395b1cfc7afb5eac605344abd8ce67754c6296049e56"
        );
        assert_eq!(
            bacalhau_values::hex::Hex(&hash(SHA2_512, b"sha512").unwrap().digest()[..4]).to_string(),
            "1f9720f8"
        );
        for (code, bytes) in
            [(BLAKE2B_256, &vec![7; 300_000][..]), (SHA2_256, b"x"), (SHA2_512, b""), (IDENTITY, b"id")]
        {
            assert_eq!(hash_all(code, &mut &bytes[..]).unwrap(), hash(code, bytes));
        }
        assert_eq!(hash_all(IDENTITY, &mut &[0; 129][..]).unwrap(), None);
        assert_eq!(hash(IDENTITY, &[0; 129]), None);
        assert_eq!(hash(0x11, b""), None);
    }
}
