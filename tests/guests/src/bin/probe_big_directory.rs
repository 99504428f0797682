//! A directory of ten thousand names, made in another order than theirs, listed with a small buffer and by Rust.
use guests::{list, make_dir, open_dir, put};

fn main() {
    const COUNT: usize = 10_000;
    make_dir("outputs/d");
    for n in 0..COUNT {
        put(&format!("outputs/d/{:05}", n * 7919 % COUNT), b"");
    }
    let fd = open_dir("outputs/d");
    let entries = list(fd, 128);
    assert_eq!(entries.len(), COUNT + 2);
    assert!(entries[2..].iter().map(|entry| entry.name.parse::<usize>().unwrap()).eq(0..COUNT));
    let names: Vec<_> = std::fs::read_dir("/outputs/d").unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().map(|name| name.to_str().unwrap().parse::<usize>().unwrap()).eq(0..COUNT));
}
