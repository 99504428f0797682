//! Allocates without asking whether it may: the allocator aborts.
fn main() {
    let mut hoard: Vec<u64> = vec![1];
    loop {
        hoard.extend_from_within(..);
    }
}
