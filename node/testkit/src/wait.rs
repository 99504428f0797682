//! Waiting for what another thread or process does, with a bound.

use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything that tests wait for takes, on a machine that is busy with other things.
pub const BOUND: Duration = Duration::from_mins(2);

/// Waits until `done` returns `true`; `what` names it where that takes too long.
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let since = Instant::now();
    while !done() {
        assert!(since.elapsed() < BOUND, "{what}: not in time");
        thread::park_timeout(Duration::from_millis(10));
    }
}

/// The result of `work`, if it returns in time.
pub fn within<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (send, done) = channel();
    thread::spawn(move || send.send(work()));
    done.recv_timeout(BOUND).unwrap()
}
