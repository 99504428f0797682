//! `MurmurHash3` for 64-bit machines, of which the shards of directories use the first half. It spreads names over slots
//! and protects nothing.

const C1: u64 = 0x87c3_7b91_1142_53d5;
const C2: u64 = 0x4cf5_ad43_2745_937f;
const BLOCK: usize = 16;

/// The first 64 of the 128 bits of `bytes`, with the seed 0.
pub(super) fn murmur3_x64_64(bytes: &[u8]) -> u64 {
    let (mut h1, mut h2) = (0_u64, 0_u64);
    let (blocks, tail) = bytes.as_chunks::<BLOCK>();
    for block in blocks {
        let (k1, k2) = halves(block);
        h1 ^= mix1(k1);
        h1 = h1.rotate_left(27).wrapping_add(h2).wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 ^= mix2(k2);
        h2 = h2.rotate_left(31).wrapping_add(h1).wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    // A tail filled up with zeros is no special case: zeros mix to zeros.
    let mut last = [0; BLOCK];
    last[..tail.len()].copy_from_slice(tail);
    let (k1, k2) = halves(&last);
    h1 ^= mix1(k1) ^ bytes.len() as u64;
    h2 ^= mix2(k2) ^ bytes.len() as u64;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    finish(h1).wrapping_add(finish(h2))
}

fn halves(block: &[u8; BLOCK]) -> (u64, u64) {
    let whole = u128::from_le_bytes(*block);
    #[expect(clippy::cast_possible_truncation, reason = "each is one half")]
    (whole as u64, (whole >> 64) as u64)
}

fn mix1(k: u64) -> u64 {
    k.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2)
}

fn mix2(k: u64) -> u64 {
    k.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1)
}

fn finish(mut k: u64) -> u64 {
    k ^= k >> 33;
    k = k.wrapping_mul(0xff51_afd7_ed55_8ccd);
    k ^= k >> 33;
    k = k.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    k ^ (k >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_other_implementations() {
        let table = [
            ("", 0),
            ("a", 0x8555_5565_f659_7889),
            ("hello world", 0x533f_6046_eb7f_610e),
            ("0123456789abcdef", 0x4be0_6d94_cf4a_d1a7),
            ("ünï.txt", 0x90a9_ffa9_9e61_37a9),
            ("The quick brown fox jumps over the lazy dog", 0xe34b_bc7b_bc07_1b6c),
        ];
        for (text, hash) in table {
            assert_eq!(murmur3_x64_64(text.as_bytes()), hash, "{text:?}");
        }
    }
}
