//! Sleeps an hour, and then a little longer than clocks can tell.
use std::time::{Duration, Instant, SystemTime};

fn main() {
    let (start, wall) = (Instant::now(), SystemTime::now());
    std::thread::sleep(Duration::from_hours(1));
    println!("{:?} {:?}", start.elapsed(), wall.elapsed().unwrap());
    // SAFETY: of `wasi`: plain values.
    for _ in 0..3 {
        let clock = wasi::SubscriptionClock { id: wasi::CLOCKID_MONOTONIC, timeout: u64::MAX, precision: 0, flags: 0 };
        let u = wasi::SubscriptionU { tag: 0, u: wasi::SubscriptionUU { clock } };
        let mut event = std::mem::MaybeUninit::uninit();
        let count = unsafe { wasi::poll_oneoff(&wasi::Subscription { userdata: 0, u }, event.as_mut_ptr(), 1) };
        assert_eq!(count, Ok(1));
    }
    assert!(start.elapsed() > Duration::from_hours(1), "the clock never goes back");
}
