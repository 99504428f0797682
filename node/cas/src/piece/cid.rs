//! The two CIDs of a piece. Version 1 (`baga6ea4seaq…`) is the root, as used by the chain, its actors and Lotus: codec
//! `fil-commitment-unsealed`, hash `sha2-256-trunc254-padded`
//! (<https://spec.filecoin.io/#section-systems.filecoin_files.piece>). Version 2 (`bafkzcib…`) includes the size, as
//! used by Curio's market: the digest of the hash
//! `fr32-sha2-256-trunc254-padded-binary-tree` is the bytes of padding as a varint, the height in a byte, and the root
//! (FRC-0069, <https://github.com/filecoin-project/FIPs/blob/master/FRCs/frc-0069.md>).

use cid::Version;
use multihash::Multihash;

use super::Commitment;
use crate::protobuf::put_varint;
use crate::{Cid, DataError, RAW};

/// Multicodec of the root of a piece, in version 1.
const FIL_COMMITMENT_UNSEALED: u64 = 0xf101;
/// Multihash code of version 1.
const SHA2_256_TRUNC254_PADDED: u64 = 0x1012;
/// Multihash code of version 2.
const FR32_SHA2_256_TRUNC254_PADDED_BINARY_TREE: u64 = 0x1011;

impl Commitment {
    /// The CID of version 1, without the size.
    #[expect(clippy::missing_panics_doc, reason = "cannot panic, as explained below")]
    pub fn cid_v1(&self) -> Cid {
        #[expect(clippy::expect_used, reason = "32 bytes always fit into a multihash of 64")]
        let hash = Multihash::wrap(SHA2_256_TRUNC254_PADDED, self.root()).expect("a root fits");
        Cid::new_v1(FIL_COMMITMENT_UNSEALED, hash)
    }

    /// The CID of version 2.
    #[expect(clippy::missing_panics_doc, reason = "cannot panic, as explained below")]
    pub fn cid_v2(&self) -> Cid {
        let mut digest = Vec::new();
        put_varint(&mut digest, self.capacity() - self.payload_size());
        digest.push(self.height());
        digest.extend_from_slice(self.root());
        #[expect(clippy::expect_used, reason = "10 bytes of a varint, one, and 32 fit into a multihash of 64")]
        let hash = Multihash::wrap(FR32_SHA2_256_TRUNC254_PADDED_BINARY_TREE, &digest).expect("a digest fits");
        Cid::new_v1(RAW, hash)
    }

    /// Parses a CID of version 2.
    ///
    /// # Errors
    /// When it is another CID, or not that of a possible piece.
    pub fn from_v2(cid: &Cid) -> Result<Self, DataError> {
        expect(cid, RAW, FR32_SHA2_256_TRUNC254_PADDED_BINARY_TREE, "a piece CID of version 2 (bafkzcib…)")?;
        let malformed = || {
            DataError::malformed(
                format!("the piece CID {cid}"),
                "it is not a varint, a height and a \
            root",
            )
        };
        let (padding, rest) = unsigned_varint::decode::u64(cid.hash().digest()).map_err(|_| malformed())?;
        let (height, root) = rest.split_first().ok_or_else(malformed)?;
        let root: [u8; 32] = root.try_into().map_err(|_| malformed())?;
        // Of an empty piece, so that the height is checked before it is counted with.
        let capacity = Self::new(root, *height, 1)?.capacity();
        let payload_size = capacity.checked_sub(padding).ok_or_else(|| {
            let why = format!("its padding of {padding} bytes is more than the {capacity} that there is room for");
            DataError::malformed(format!("the piece CID {cid}"), why)
        })?;
        Self::new(root, *height, payload_size)
    }

    /// Parses a CID of version 1 of a piece with this padded size. The amount of padding is unknown, so all of it
    /// counts as payload.
    ///
    /// # Errors
    /// When it is another CID, or the size is impossible.
    pub fn from_v1(cid: &Cid, padded_size: u64) -> Result<Self, DataError> {
        expect(cid, FIL_COMMITMENT_UNSEALED, SHA2_256_TRUNC254_PADDED, "a piece CID of version 1 (baga6ea4seaq…)")?;
        let root: [u8; 32] = cid
            .hash()
            .digest()
            .try_into()
            .map_err(|_| DataError::malformed(format!("the piece CID {cid}"), "its root does not have 32 bytes"))?;
        if !padded_size.is_power_of_two() || padded_size < 128 {
            let why = format!("{padded_size} bytes are not a power of two from 128 on");
            return Err(DataError::malformed(format!("the padded size of {cid}"), why));
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most 63")]
        let height = padded_size.trailing_zeros() as u8 - 5;
        Self::new(root, height, padded_size / 128 * 127)
    }
}

/// Whether `cid` is a piece CID of version 1, which does not tell the size.
pub fn is_piece_v1(cid: &Cid) -> bool {
    has(cid, FIL_COMMITMENT_UNSEALED, SHA2_256_TRUNC254_PADDED)
}

/// Whether `cid` is a piece CID of version 2.
pub fn is_piece_v2(cid: &Cid) -> bool {
    has(cid, RAW, FR32_SHA2_256_TRUNC254_PADDED_BINARY_TREE)
}

fn has(cid: &Cid, codec: u64, hash: u64) -> bool {
    cid.version() == Version::V1 && cid.codec() == codec && cid.hash().code() == hash
}

fn expect(cid: &Cid, codec: u64, hash: u64, what: &str) -> Result<(), DataError> {
    if has(cid, codec, hash) {
        return Ok(());
    }
    Err(DataError::unsupported(format!("the CID {cid}"), format!("{what} is expected here")))
}
