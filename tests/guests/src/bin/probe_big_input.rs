//! Reads a few bytes here and there of the file `/inputs/big`, whose every 8 bytes hold their own position.
use std::io::{Read, Seek, SeekFrom};

fn main() {
    let mut file = std::fs::File::open("/inputs/big").unwrap();
    let len = file.metadata().unwrap().len();
    for position in [0, 8, 4096 - 8, len / 2 / 8 * 8, len - 8] {
        file.seek(SeekFrom::Start(position)).unwrap();
        let mut word = [0; 8];
        file.read_exact(&mut word).unwrap();
        assert_eq!(u64::from_le_bytes(word), position);
    }
    assert_eq!(file.read(&mut [0; 8]).unwrap(), 0);
    println!("{len}");
}
