//! Chance, all of it from the seed.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};

/// A source of chance.
#[derive(Debug)]
pub(super) struct Rng(ChaCha8Rng);

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number below `bound`; 0 for bound 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        // The bias is some 2^-40 for the bounds in here.
        self.0.next_u64().checked_rem(bound).unwrap_or(0)
    }

    /// An index of a list of `len`, or 0.
    pub(super) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// A number of the range, ends included.
    pub(super) fn between(&mut self, (from, to): (u64, u64)) -> u64 {
        from + self.below(to.saturating_sub(from) + 1)
    }

    /// True in this share of all cases.
    pub(super) fn chance(&mut self, share: f64) -> bool {
        // Draws nothing for impossible faults, so that simulations without faults do not depend on fault settings.
        share > 0.0 && f64::from(self.0.next_u32()) < share * f64::from(u32::MAX)
    }

    /// 32 random bytes.
    pub(super) fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(&self.0.next_u64().to_le_bytes());
        }
        bytes
    }

    /// `count` different numbers below `len`, or all.
    pub(super) fn sample(&mut self, len: usize, count: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..len).collect();
        for at in 0..count.min(len) {
            let other = at + self.index(len - at);
            all.swap(at, other);
        }
        all.truncate(count);
        all
    }
}
