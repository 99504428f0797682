//! What a program can learn from clocks: the epoch of the job, and how often it looked.
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

fn main() {
    let first = SystemTime::now();
    println!("{}", first.duration_since(UNIX_EPOCH).unwrap().as_nanos());
    assert_eq!(SystemTime::now().duration_since(first).unwrap(), Duration::from_millis(1));
    // Both clocks move together, whichever is looked at.
    let start = Instant::now();
    let _ = SystemTime::now();
    assert_eq!(start.elapsed(), Duration::from_millis(2));
    assert_eq!(first.elapsed().unwrap(), Duration::from_millis(5));
    // Work takes no time.
    let mut sum = 0_u64;
    for n in 0..1_000_000_u64 {
        sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(n));
    }
    assert_eq!(first.elapsed().unwrap(), Duration::from_millis(6));
}
