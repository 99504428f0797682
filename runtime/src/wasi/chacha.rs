//! The key stream of `ChaCha20` as `WORLD.md` defines it: 20 rounds, a block counter of 64 bits from 0, a nonce of 0.
//!
//! Written here, since a crate for it would be three more in each embedder's program.

/// Words of a block.
const WORDS: usize = 16;
/// "expand 32-byte k" as words.
const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];
/// The words of a quarter round: columns, then diagonals.
const QUARTERS: [[usize; 4]; 8] = [
    [0, 4, 8, 12],
    [1, 5, 9, 13],
    [2, 6, 10, 14],
    [3, 7, 11, 15],
    [0, 5, 10, 15],
    [1, 6, 11, 12],
    [2, 7, 8, 13],
    [3, 4, 9, 14],
];

/// A position in the key stream of a key.
#[derive(Clone)]
pub(super) struct ChaCha20 {
    key: [u8; 32],
    /// The number of the next block.
    counter: u64,
    block: [u32; WORDS],
    /// Words of `block` that are taken.
    taken: usize,
}

impl ChaCha20 {
    /// The beginning of the stream.
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self { key, counter: 0, block: [0; WORDS], taken: WORDS }
    }

    /// Takes the next words of the stream that fill `bytes`. The rest of the last one is not used.
    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(4) {
            if self.taken == WORDS {
                self.next_block();
            }
            chunk.copy_from_slice(&self.block[self.taken].to_le_bytes()[..chunk.len()]);
            self.taken += 1;
        }
    }

    fn next_block(&mut self) {
        let mut state = [0; WORDS];
        state[..4].copy_from_slice(&CONSTANTS);
        for (word, bytes) in state[4..12].iter_mut().zip(self.key.as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        for (word, bytes) in state[12..14].iter_mut().zip(self.counter.to_le_bytes().as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        let mut block = state;
        for _ in 0..10 {
            for quarter in QUARTERS {
                mix(&mut block, quarter);
            }
        }
        for (word, initial) in block.iter_mut().zip(state) {
            *word = word.wrapping_add(initial);
        }
        self.counter = self.counter.wrapping_add(1);
        (self.block, self.taken) = (block, 0);
    }
}

/// A quarter round.
fn mix(block: &mut [u32; WORDS], [a, b, c, d]: [usize; 4]) {
    for (add, to, by) in [(b, (a, d), 16), (d, (c, b), 12), (b, (a, d), 8), (d, (c, b), 7)] {
        let (sum, turned) = to;
        block[sum] = block[sum].wrapping_add(block[add]);
        block[turned] = (block[turned] ^ block[sum]).rotate_left(by);
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::{Rng as _, SeedableRng as _};

    use super::*;

    /// The first block of the key of zeros, as in RFC 8439, appendix A.1.
    #[test]
    fn a_known_block() {
        let mut first = [0; 16];
        ChaCha20::new([0; 32]).fill(&mut first);
        assert_eq!(first, *b"\x76\xb8\xe0\xad\xa0\xf1\x3d\x90\x40\x5d\x6a\xe5\x53\x86\xbd\x28");
    }

    #[test]
    fn the_stream_is_that_of_another_implementation() {
        for key in [[0; 32], [0xa5; 32], std::array::from_fn(|at| u8::try_from(at).unwrap())] {
            let (mut ours, mut theirs) = (ChaCha20::new(key), ChaCha20Rng::from_seed(key));
            for length in [0, 1, 4, 5, 63, 64, 65, 3, 1000, 4096, 7] {
                let (mut found, mut expected) = (vec![0; length], vec![0; length]);
                ours.fill(&mut found);
                theirs.fill_bytes(&mut expected);
                assert_eq!(found, expected, "{length} bytes");
            }
        }
    }

    #[test]
    fn the_counter_has_64_bits() {
        let key = [7; 32];
        let (mut ours, mut theirs) = (ChaCha20::new(key), ChaCha20Rng::from_seed(key));
        ours.counter = 1 << 32;
        theirs.set_word_pos(16 << 32);
        let (mut found, mut expected) = ([0; 64], [0; 64]);
        ours.fill(&mut found);
        theirs.fill_bytes(&mut expected);
        assert_eq!(found, expected);
    }
}
