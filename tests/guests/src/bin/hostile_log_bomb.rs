//! Writes to both logs for ever.
fn main() {
    loop {
        println!("{:80}", "out");
        eprintln!("{:80}", "err");
    }
}
