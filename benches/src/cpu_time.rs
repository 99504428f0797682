//! The CPU time of one thread, or of all. Other load of the machine still affects it through caches and clock rates,
//! but not by the time in which other processes run. Work on other threads is not measured.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CPU time of the calling thread since it began.
pub fn now() -> Duration {
    read(ClockId::ThreadCPUTime)
}

/// CPU time of all threads of this process since it began.
pub fn of_all_threads() -> Duration {
    read(ClockId::ProcessCPUTime)
}

fn read(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Returns the result of a call, and its CPU time.
pub fn of<T>(call: impl FnOnce() -> T) -> (T, Duration) {
    let start = now();
    let value = call();
    (value, now().saturating_sub(start))
}
