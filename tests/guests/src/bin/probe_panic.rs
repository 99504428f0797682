//! Panics, after it has written a file.
fn main() {
    std::fs::write("/outputs/half", "done").unwrap();
    print!("before");
    std::io::Write::flush(&mut std::io::stdout()).unwrap();
    panic!("on purpose");
}
