//! Copies and fills of memory: large ones, small ones of every length, and overlapping ones.

use bench_guests::Numbers;

const LARGE: usize = 1 << 20;

fn copies() -> i64 {
    let mut numbers = Numbers::new();
    let mut from: Vec<u8> = (0..LARGE).map(|_| numbers.bits() as u8).collect();
    let mut to = vec![0; LARGE];
    for round in 0..=255 {
        to.copy_from_slice(&from);
        from[..LARGE / 2].fill(round);
        to.copy_within(1..LARGE / 2, 0);
    }
    for _ in 0..1_000_000 {
        let length = numbers.below(256);
        let (source, target) = (numbers.below(LARGE - length), numbers.below(LARGE - length));
        to[target..target + length].copy_from_slice(&from[source..source + length]);
        if length < 64 {
            from[target..target + length].fill(length as u8);
        }
    }
    to.iter().step_by(61).fold(0, |sum: i64, byte| sum.rotate_left(3) ^ i64::from(*byte))
}

bench_guests::guest!(copies);
