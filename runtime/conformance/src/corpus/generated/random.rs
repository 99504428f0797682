//! A small generator of numbers that never changes, unlike that of a crate: the corpus stores only the number of each
//! case.

/// Marsaglia's xorshift64*.
#[derive(Clone, Debug)]
pub(in crate::corpus) struct Random(u64);

impl Random {
    pub(in crate::corpus) fn new(seed: u64) -> Self {
        // Zero is the one state that it never leaves. The first numbers of near seeds would be near each other.
        let mut random = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            random.bits();
        }
        random
    }

    pub(in crate::corpus) fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `most`, which is not zero.
    pub(in crate::corpus) fn below(&mut self, most: usize) -> usize {
        let most = u64::try_from(most.max(1)).unwrap_or(u64::MAX);
        // Below `most`, which came from a `usize`.
        usize::try_from((self.bits() >> 16) % most).unwrap_or(0)
    }

    /// True once in `n` times.
    pub(in crate::corpus) fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of these, which are not none.
    pub(in crate::corpus) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}
