//! Reserves memory until there is none, and says how much it got, in MiB.
fn main() {
    let mut hoard: Vec<Vec<u8>> = Vec::with_capacity(10_000);
    loop {
        let mut block = Vec::new();
        if block.try_reserve_exact(1 << 20).is_err() {
            break;
        }
        block.resize(1 << 20, 1_u8);
        hoard.push(block);
    }
    println!("{}", hoard.len());
}
