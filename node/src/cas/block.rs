//! One block: bytes that have the hash that their CID names. This is the only place that decides which CIDs there are
//! for us and whether bytes are theirs; what the bytes mean is the business of `unixfs`.

use std::io::{self, Read};

use bytes::Bytes;
use cid::{Cid, Version};
use multihash::Multihash;
use sha2::{Digest, Sha256, Sha512};

use super::DataError;

/// Multicodec of plain bytes.
pub const RAW: u64 = 0x55;
/// Multicodec of protobuf nodes with links: files and directories of IPFS.
pub const DAG_PB: u64 = 0x70;
/// Multihash code of SHA-256.
pub const SHA2_256: u64 = 0x12;
/// Multihash code of SHA-512.
const SHA2_512: u64 = 0x13;
/// Multihash code of no hash at all: the digest is the data.
pub const IDENTITY: u64 = 0x00;

/// Largest block that is read from anywhere. Bitswap peers exchange at most 2 MiB; gateways and archives as much.
pub const MAX_BLOCK_BYTES: usize = 2 << 20;

/// Bytes that are hashed at a time.
const HASHED_BYTES: usize = 256 << 10;

/// A block whose bytes were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    cid: Cid,
    bytes: Bytes,
}

/// How the bytes of a block are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Plain bytes.
    Raw,
    /// A protobuf node.
    DagPb,
}

impl Code {
    /// The code of `cid`.
    ///
    /// # Errors
    /// Refuses other codecs by name.
    pub fn of(cid: &Cid) -> Result<Self, DataError> {
        match cid.codec() {
            RAW => Ok(Self::Raw),
            DAG_PB => Ok(Self::DagPb),
            other => {
                Err(DataError::unsupported(format!("codec {} of {cid}", codec_name(other)), "write raw or dag-pb"))
            }
        }
    }

    /// The number of it.
    pub fn number(self) -> u64 {
        match self {
            Self::Raw => RAW,
            Self::DagPb => DAG_PB,
        }
    }
}

impl Block {
    /// Takes `bytes` for those of `cid` if they are.
    ///
    /// # Errors
    /// See [`check`].
    pub fn new(cid: Cid, bytes: Bytes) -> Result<Self, DataError> {
        check(&cid, &bytes)?;
        Ok(Self { cid, bytes })
    }

    /// Takes `bytes` for those of `cid`: whoever calls this has checked them.
    pub(crate) fn checked(cid: Cid, bytes: Bytes) -> Self {
        Self { cid, bytes }
    }

    /// The `CIDv1` block of `bytes` by SHA-256.
    pub fn of(code: Code, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { cid: Cid::new_v1(code.number(), sha2_256(&bytes)), bytes }
    }

    /// The `CIDv0` block of `bytes`, which is always a protobuf node.
    #[expect(clippy::missing_panics_doc, reason = "it does not panic, as said below")]
    pub fn of_v0(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        #[expect(clippy::expect_used, reason = "SHA-256 is what version 0 asks for")]
        let cid = Cid::new_v0(sha2_256(&bytes)).expect("a SHA-256 makes a CIDv0");
        Self { cid, bytes }
    }

    /// What names it.
    pub fn cid(&self) -> &Cid {
        &self.cid
    }

    /// What it holds.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Both.
    pub fn into_parts(self) -> (Cid, Bytes) {
        (self.cid, self.bytes)
    }
}

/// Checks that `bytes` are those of `cid`.
///
/// # Errors
/// [`DataError::Corrupt`] when they are not, [`DataError::OutOfBounds`] above [`MAX_BLOCK_BYTES`], and
/// [`DataError::Unsupported`] for hash functions other than SHA-256, SHA-512 and identity.
pub fn check(cid: &Cid, bytes: &[u8]) -> Result<(), DataError> {
    if bytes.len() > MAX_BLOCK_BYTES {
        let why = format!("it has {} bytes, and at most {MAX_BLOCK_BYTES} are read", bytes.len());
        return Err(DataError::out_of_bounds(format!("block {cid}"), why));
    }
    let hash = cid.hash();
    let equal = match hash.code() {
        SHA2_256 => Sha256::digest(bytes)[..] == *hash.digest(),
        SHA2_512 => Sha512::digest(bytes)[..] == *hash.digest(),
        IDENTITY => bytes == hash.digest(),
        other => {
            let what = format!("hash function 0x{other:x} of {cid}");
            return Err(DataError::unsupported(what, "sha2-256, sha2-512 and identity are"));
        }
    };
    if equal { Ok(()) } else { Err(DataError::corrupt(cid, "its bytes have another hash")) }
}

/// The hash of `bytes` by the function of this code, where [`check`] knows it and the bytes fit.
pub(crate) fn hash(code: u64, bytes: &[u8]) -> Option<Multihash<64>> {
    match code {
        SHA2_256 => Some(sha2_256(bytes)),
        SHA2_512 => Multihash::wrap(SHA2_512, &Sha512::digest(bytes)).ok(),
        IDENTITY => Multihash::wrap(IDENTITY, bytes).ok(),
        _ => None,
    }
}

/// The same of all that `reader` gives, which may be more than a block; `None` also for more than the function can hash.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn hash_all(code: u64, reader: &mut dyn Read) -> io::Result<Option<Multihash<64>>> {
    match code {
        SHA2_256 => Ok(Multihash::wrap(SHA2_256, &digest_all::<Sha256>(reader)?).ok()),
        SHA2_512 => Ok(Multihash::wrap(SHA2_512, &digest_all::<Sha512>(reader)?).ok()),
        _ => {
            let mut bytes = Vec::new();
            reader.take(MAX_BLOCK_BYTES as u64 + 1).read_to_end(&mut bytes)?;
            Ok(hash(code, &bytes))
        }
    }
}

fn digest_all<D: Digest>(reader: &mut dyn Read) -> io::Result<Vec<u8>> {
    let (mut digest, mut chunk) = (D::new(), vec![0; HASHED_BYTES]);
    loop {
        match reader.read(&mut chunk)? {
            0 => return Ok(digest.finalize().to_vec()),
            read => digest.update(&chunk[..read]),
        }
    }
}

/// The bytes that `cid` holds itself, where it does: at most the 64 that fit into a `Cid`.
pub fn identity_bytes(cid: &Cid) -> Option<Bytes> {
    let hash = cid.hash();
    (hash.code() == IDENTITY).then(|| Bytes::copy_from_slice(hash.digest()))
}

/// `cid` in the one form under which it is compared, named in paths and recorded: version 1, which prints in base 32.
pub fn canonical(cid: &Cid) -> Cid {
    match cid.version() {
        Version::V0 => Cid::new_v1(DAG_PB, *cid.hash()),
        Version::V1 => *cid,
    }
}

fn sha2_256(bytes: &[u8]) -> Multihash<64> {
    #[expect(clippy::expect_used, reason = "32 bytes always fit into a multihash of 64")]
    Multihash::wrap(SHA2_256, &Sha256::digest(bytes)).expect("a SHA-256 digest fits")
}

fn codec_name(codec: u64) -> String {
    let name = match codec {
        0x71 => "dag-cbor",
        0x0129 => "dag-json",
        0x51 => "cbor",
        0x72 => "libp2p-key",
        0x78 => "git-raw",
        0x0200 => "json",
        0xf101 => "fil-commitment-unsealed",
        0xf102 => "fil-commitment-sealed",
        other => return format!("0x{other:x}"),
    };
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_the_hash_that_its_cid_names() {
        let block = Block::of(Code::Raw, "hello world");
        assert_eq!(block.cid().to_string(), "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
        assert!(check(block.cid(), b"hello world").is_ok());
        assert!(check(block.cid(), b"hello worle").unwrap_err().to_string().contains("another hash"));
        let large = vec![0; MAX_BLOCK_BYTES + 1];
        assert!(matches!(check(block.cid(), &large), Err(DataError::OutOfBounds { .. })));
    }

    #[test]
    fn other_hashes_and_codecs_are_refused_by_name() {
        let blake = Cid::new_v1(RAW, Multihash::wrap(0xb220, &[0; 32]).unwrap());
        assert!(check(&blake, b"").unwrap_err().to_string().contains("0xb220"));
        let cbor = Cid::new_v1(0x71, *Block::of(Code::Raw, "").cid().hash());
        assert!(Code::of(&cbor).unwrap_err().to_string().contains("dag-cbor"));
    }

    #[test]
    fn small_data_may_stand_in_the_cid() {
        let inline = |length| Cid::new_v1(RAW, Multihash::<64>::wrap(IDENTITY, &vec![7; length]).unwrap());
        assert_eq!(identity_bytes(&inline(3)).unwrap(), vec![7; 3]);
        assert_eq!(identity_bytes(Block::of(Code::Raw, "").cid()), None);
    }

    #[test]
    fn one_form_of_each_cid() {
        let block = Block::of_v0("x");
        assert_eq!(canonical(block.cid()), *Block::of(Code::DagPb, "x").cid());
    }
}
