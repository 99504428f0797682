//! Writes one file for ever.
use std::io::Write;

fn main() {
    let mut file = std::fs::File::create("/outputs/big").unwrap();
    loop {
        file.write_all(&[b'x'; 4096]).unwrap();
    }
}
