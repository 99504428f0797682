//! A block: bytes that match the hash in their CID. The only module that decides which CIDs are supported and verifies
//! bytes; `unixfs` interprets them.

use bytes::Bytes;
use cid::Version;
use sha2::{Digest, Sha256};

use super::hash::{Hash, IDENTITY, SHA2_256, can_check, hash};
use super::{Cid, DataError};

/// Multicodec of plain bytes.
pub const RAW: u64 = 0x55;
/// Multicodec of protobuf nodes with links: files and directories of IPFS.
pub const DAG_PB: u64 = 0x70;
/// Largest block that is read from anywhere. Bitswap peers exchange at most 2 MiB; gateways and archives as much.
pub const MAX_BLOCK_BYTES: usize = 2 << 20;

/// A verified block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    cid: Cid,
    bytes: Bytes,
}

/// How the bytes of a block are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Raw bytes.
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
    /// Creates a block if `bytes` match `cid`.
    ///
    /// # Errors
    /// See [`check`].
    pub fn new(cid: Cid, bytes: Bytes) -> Result<Self, DataError> {
        check(&cid, &bytes)?;
        Ok(Self { cid, bytes })
    }

    /// Creates a block from `bytes` that the caller has verified.
    pub fn checked(cid: Cid, bytes: Bytes) -> Self {
        Self { cid, bytes }
    }

    /// The `CIDv1` block of `bytes` by SHA-256.
    pub fn of(code: Code, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { cid: Cid::new_v1(code.number(), sha2_256(&bytes)), bytes }
    }

    /// The `CIDv0` block of `bytes`, which is always a protobuf node.
    #[expect(clippy::missing_panics_doc, reason = "cannot panic, as explained below")]
    pub fn of_v0(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        #[expect(clippy::expect_used, reason = "version 0 requires SHA-256")]
        let cid = Cid::new_v0(sha2_256(&bytes)).expect("a SHA-256 makes a CIDv0");
        Self { cid, bytes }
    }

    /// The CID.
    pub fn cid(&self) -> &Cid {
        &self.cid
    }

    /// The bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// CID and bytes.
    pub fn into_parts(self) -> (Cid, Bytes) {
        (self.cid, self.bytes)
    }
}

/// Verifies `bytes` against `cid`.
///
/// # Errors
/// [`DataError::Corrupt`] when they do not match, [`DataError::OutOfBounds`] above [`MAX_BLOCK_BYTES`], and
/// [`DataError::Unsupported`] for hash functions other than SHA-256, SHA-512, BLAKE2b-256 and identity, and for
/// truncated hashes.
pub fn check(cid: &Cid, bytes: &[u8]) -> Result<(), DataError> {
    if bytes.len() > MAX_BLOCK_BYTES {
        let why = format!("it has {} bytes, and at most {MAX_BLOCK_BYTES} are read", bytes.len());
        return Err(DataError::out_of_bounds(format!("block {cid}"), why));
    }
    can_check(cid)?;
    if hash(cid.hash().code(), bytes).as_ref() == Some(cid.hash()) {
        return Ok(());
    }
    Err(DataError::corrupt(cid, "its bytes have another hash"))
}

/// The bytes that `cid` holds itself, where it does: at most the 128 that fit into a `Cid`.
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

fn sha2_256(bytes: &[u8]) -> Hash {
    #[expect(clippy::expect_used, reason = "32 bytes always fit into a multihash of 128")]
    Hash::wrap(SHA2_256, &Sha256::digest(bytes)).expect("a SHA-256 digest fits")
}

/// The name of a codec, for messages.
pub(super) fn codec_name(codec: u64) -> String {
    let name = match codec {
        0x71 => "dag-cbor",
        0x51 => "cbor",
        0x0129 => "dag-json",
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
        check(block.cid(), b"hello world").unwrap();
        assert!(check(block.cid(), b"hello worle").unwrap_err().to_string().contains("another hash"));
        let large = vec![0; MAX_BLOCK_BYTES + 1];
        assert!(matches!(check(block.cid(), &large), Err(DataError::OutOfBounds { .. })));
    }

    #[test]
    fn other_hashes_and_codecs_are_refused_by_name() {
        let sha1 = Cid::new_v1(RAW, Hash::wrap(0x11, &[0; 20]).unwrap());
        assert!(check(&sha1, b"").unwrap_err().to_string().contains("hash function sha1"));
        let cbor = Cid::new_v1(0x71, *Block::of(Code::Raw, "").cid().hash());
        assert!(Code::of(&cbor).unwrap_err().to_string().contains("dag-cbor"));
    }

    #[test]
    fn small_data_may_stand_in_the_cid() {
        let inline = |length| Cid::new_v1(RAW, Hash::wrap(IDENTITY, &vec![7; length]).unwrap());
        for length in [0, 3, 100, 128] {
            assert_eq!(identity_bytes(&inline(length)).unwrap(), vec![7; length]);
            check(&inline(length), &vec![7; length]).unwrap();
        }
        assert_eq!(identity_bytes(Block::of(Code::Raw, "").cid()), None);
    }

    #[test]
    fn one_form_of_each_cid() {
        let block = Block::of_v0("x");
        assert_eq!(canonical(block.cid()), *Block::of(Code::DagPb, "x").cid());
    }
}
