//! Declares a file of a tebibyte.
fn main() {
    let file = std::fs::File::create("/outputs/big").unwrap();
    file.set_len(1 << 40).unwrap();
    println!("survived");
}
