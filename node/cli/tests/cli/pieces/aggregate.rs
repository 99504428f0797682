//! Puts pieces together as FRC-0058 has it.

use sha2::{Digest, Sha256};

use bacalhau_cas::Cid;

/// The payload of padded bytes: 254 of each 256 bits.
fn unpad(padded: &[u8]) -> Vec<u8> {
    let mut payload = vec![0; padded.len() / 128 * 127];
    for at in 0..payload.len() * 8 {
        let from = at / 254 * 256 + at % 254;
        payload[at / 8] |= (padded[from / 8] >> (from % 8) & 1) << (at % 8);
    }
    payload
}

fn entry(root: &[u8], offset: u64, size: u64) -> Vec<u8> {
    let head = [root, &offset.to_le_bytes(), &size.to_le_bytes()].concat();
    let mut sum = Sha256::new().chain_update(&head).chain_update([0; 16]).finalize()[..16].to_vec();
    sum[15] &= 0x3f;
    [head, sum].concat()
}

/// A piece of `padded` bytes with these payloads, by their CIDs of version 1 and padded sizes.
pub(super) fn aggregate(padded: u64, parts: &[(Vec<u8>, String, u64)]) -> Vec<u8> {
    let payload = |padded: u64| usize::try_from(padded / 128 * 127).unwrap();
    let mut bytes = vec![0; payload(padded)];
    let (mut index, mut offset) = (Vec::new(), 0_u64);
    for (part, cid, size) in parts {
        offset = offset.next_multiple_of(*size);
        bytes[payload(offset)..payload(offset) + part.len()].copy_from_slice(part);
        index.extend(entry(cid.parse::<Cid>().unwrap().hash().digest(), offset, *size));
        offset += size;
    }
    let size = 64 * (padded / 2048 / 64).max(4);
    index.resize(usize::try_from(size).unwrap(), 0);
    let index = unpad(&index);
    let at = payload(padded - size);
    bytes[at..at + index.len()].copy_from_slice(&index);
    bytes
}
