//! A `main` that returns an error: Rust writes it to stderr and exits with 1.
fn main() -> std::io::Result<()> {
    std::fs::read("/absent").map(drop)
}
