//! Writes one byte, a tebibyte behind the start.
use std::io::{Seek, SeekFrom, Write};

fn main() {
    let mut file = std::fs::File::create("/outputs/big").unwrap();
    file.seek(SeekFrom::Start(1 << 40)).unwrap();
    file.write_all(b"x").unwrap();
    println!("survived");
}
