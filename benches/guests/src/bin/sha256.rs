//! SHA-256 of 8 MiB, by the crate `sha2`: 32-bit integers, long blocks without a branch.

use sha2::{Digest, Sha256};

fn hash() -> i64 {
    let mut numbers = bench_guests::Numbers::new();
    let data: Vec<u8> = (0..1 << 20).map(|_| numbers.bits() as u8).collect();
    let mut hasher = Sha256::new();
    for _ in 0..8 {
        hasher.update(&data);
    }
    hasher.finalize().iter().fold(0, |sum: i64, byte| sum.rotate_left(7) ^ i64::from(*byte))
}

bench_guests::guest!(hash);
