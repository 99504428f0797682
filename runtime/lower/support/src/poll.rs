//! `wasi:io/poll`. Streams are always ready, so only timers wait.

use crate::answer;
use crate::arena::allocate;
use crate::clocks::monotonic;
use crate::memory::{load32, store32, trap};
use crate::objects::{Kind, Object};
use crate::preview1;

const READY: u32 = 0;
const TIMER: u32 = 1;

/// A new pollable that is ready.
pub(crate) fn ready() -> u32 {
    Object::new(Kind::Pollable).rep()
}

/// A new pollable that is ready from a time of the monotonic clock on.
pub(crate) fn timer(deadline: u64) -> u32 {
    let pollable = Object::new(Kind::Pollable);
    pollable.set_word(0, TIMER);
    pollable.set_long(0, deadline);
    pollable.rep()
}

/// The time from which on it is ready.
fn deadline(pollable: u32) -> u64 {
    let pollable = Object::of(pollable, Kind::Pollable);
    if pollable.word(0) == READY { 0 } else { pollable.long(0) }
}

fn wait_until(deadline: u64) {
    if preview1::wait_until(deadline).is_err() {
        trap();
    }
}

#[unsafe(export_name = "wasi:io/poll#[dtor]pollable")]
extern "C" fn drop(pollable: u32) {
    Object::of(pollable, Kind::Pollable).free();
}

#[unsafe(export_name = "wasi:io/poll#[method]pollable.ready")]
extern "C" fn is_ready(pollable: u32) -> u32 {
    let deadline = deadline(pollable);
    u32::from(deadline == 0 || deadline <= monotonic())
}

#[unsafe(export_name = "wasi:io/poll#[method]pollable.block")]
extern "C" fn block(pollable: u32) {
    let deadline = deadline(pollable);
    if deadline > 0 {
        wait_until(deadline);
    }
}

/// The indices of those that are ready. Waits for the first one.
#[unsafe(export_name = "wasi:io/poll#poll")]
extern "C" fn poll(list: u32, length: u32) -> u32 {
    let all = || (0..length).map(|index| (index, deadline(load32(list + 4 * index))));
    let Some(first) = all().map(|(_, deadline)| deadline).min() else { trap() };
    let now = if all().all(|(_, deadline)| deadline == 0) { 0 } else { monotonic() };
    if first > now {
        wait_until(first);
    }
    let ready = allocate(4, 4 * length);
    let mut count = 0;
    for (index, deadline) in all() {
        if deadline <= now.max(first) {
            store32(ready + 4 * count, index);
            count += 1;
        }
    }
    answer::list(answer::address(), ready, count)
}
