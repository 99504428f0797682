//! Sleeps for ever, a millisecond at a time: only fuel ends it.
fn main() {
    loop {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}
