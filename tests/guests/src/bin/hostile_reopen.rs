//! Truncates, writes and deletes the same big file, for ever: the space comes back each time, and only fuel ends it.
fn main() {
    let content = vec![b'x'; 1 << 20];
    loop {
        std::fs::write("/f", &content).unwrap();
        std::fs::write("/f", "").unwrap();
        std::fs::write("/f", &content).unwrap();
        std::fs::remove_file("/f").unwrap();
    }
}
