//! `wasi:clocks`.

use crate::answer;
use crate::memory::{store32, store64, trap};
use crate::poll;
use crate::preview1::{self, MONOTONIC, REALTIME, Result};

/// Nanoseconds of a second.
pub(crate) const SECOND: u64 = 1_000_000_000;

fn or_trap(time: Result<u64>) -> u64 {
    match time {
        Ok(time) => time,
        Err(_) => trap(),
    }
}

pub(crate) fn monotonic() -> u64 {
    or_trap(preview1::clock_time(MONOTONIC))
}

/// Writes a `datetime`.
pub(crate) fn store_datetime(at: u32, time: u64) -> u32 {
    store64(at, time / SECOND);
    store32(at + 8, (time % SECOND) as u32);
    at
}

#[unsafe(export_name = "wasi:clocks/monotonic-clock#now")]
extern "C" fn monotonic_now() -> u64 {
    monotonic()
}

#[unsafe(export_name = "wasi:clocks/monotonic-clock#resolution")]
extern "C" fn monotonic_resolution() -> u64 {
    or_trap(preview1::clock_resolution(MONOTONIC))
}

#[unsafe(export_name = "wasi:clocks/monotonic-clock#subscribe-instant")]
extern "C" fn subscribe_instant(when: u64) -> u32 {
    poll::timer(when)
}

#[unsafe(export_name = "wasi:clocks/monotonic-clock#subscribe-duration")]
extern "C" fn subscribe_duration(duration: u64) -> u32 {
    poll::timer(monotonic().saturating_add(duration))
}

#[unsafe(export_name = "wasi:clocks/wall-clock#now")]
extern "C" fn wall_now() -> u32 {
    store_datetime(answer::address(), or_trap(preview1::clock_time(REALTIME)))
}

#[unsafe(export_name = "wasi:clocks/wall-clock#resolution")]
extern "C" fn wall_resolution() -> u32 {
    store_datetime(answer::address(), or_trap(preview1::clock_resolution(REALTIME)))
}
