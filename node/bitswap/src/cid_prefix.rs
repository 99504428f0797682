//! CID prefix sent with a block: everything except the digest, which the receiver computes from the bytes. So a block
//! cannot be mistaken for another.

use cid::Version;
use unsigned_varint::decode;

use bacalhau_cas::{Cid, Hash, protobuf::put_varint};

/// The prefix of `cid`.
pub(super) fn of(cid: &Cid) -> Vec<u8> {
    let mut out = Vec::with_capacity(8);
    put_varint(&mut out, u64::from(cid.version() == Version::V1));
    put_varint(&mut out, cid.codec());
    put_varint(&mut out, cid.hash().code());
    put_varint(&mut out, u64::from(cid.hash().size()));
    out
}

/// The hash of `data` by the function that `cid_prefix` names, where there is such a function.
pub(super) fn hash(prefix: &[u8], data: &[u8]) -> Option<Hash> {
    let (_version, rest) = decode::u64(prefix).ok()?;
    let (_codec, rest) = decode::u64(rest).ok()?;
    let (code, _length) = decode::u64(rest).ok()?;
    bacalhau_cas::hash(code, data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bacalhau_cas::{Block, Code};

    #[test]
    fn prefix_and_data_make_the_hash() {
        for block in [Block::of(Code::Raw, "x"), Block::of_v0("x")] {
            assert_eq!(hash(&of(block.cid()), b"x"), Some(*block.cid().hash()));
            assert_ne!(hash(&of(block.cid()), b"y"), Some(*block.cid().hash()));
        }
        assert_eq!(of(Block::of_v0("x").cid()), [0, 0x70, 0x12, 0x20]);
        assert_eq!(hash(b"", b"x"), None);
        assert_eq!(hash(&[1, 0x55, 0x55, 0x20], b"x"), None);
    }
}
