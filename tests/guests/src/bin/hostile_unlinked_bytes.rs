//! Fills a file that has no name any more: it still takes room.
use std::io::Write;

fn main() {
    let mut file = std::fs::File::create("/hidden").unwrap();
    std::fs::remove_file("/hidden").unwrap();
    loop {
        file.write_all(&[b'x'; 4096]).unwrap();
    }
}
