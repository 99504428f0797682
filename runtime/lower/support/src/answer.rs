//! Results that are not flat: where they are written, and the layouts that several functions share.

use crate::cells::Scratch;
use crate::errors::{self, Errno};
use crate::memory::{store8, store32, store64};

/// The result of the call in progress. The largest is a `result<descriptor-stat, error-code>`.
static RESULT: Scratch<112> = Scratch::new();

/// The address of the result.
pub(crate) fn address() -> u32 {
    RESULT.address()
}

/// Where the payload of `result<T, error-code>` begins, by the alignment of `T`.
#[derive(Clone, Copy)]
pub(crate) enum Payload {
    Bytes = 1,
    Words = 4,
    Longs = 8,
}

/// Writes `result<…, error-code>`: `write` gets the address of the payload.
pub(crate) fn result<T>(payload: Payload, result: Result<T, Errno>, write: impl FnOnce(u32, T)) -> u32 {
    let at = address();
    let inside = at + payload as u32;
    match result {
        Ok(value) => {
            store8(at, 0);
            write(inside, value);
        }
        Err(errno) => {
            store8(at, 1);
            store8(inside, errors::code(errno));
        }
    }
    at
}

/// Writes `result<_, error-code>`.
pub(crate) fn done(done: Result<(), Errno>) -> u32 {
    result(Payload::Bytes, done, |_, ()| {})
}

/// Writes `result<own<…>, error-code>`.
pub(crate) fn handle(handle: Result<u32, Errno>) -> u32 {
    result(Payload::Words, handle, store32)
}

/// Writes `result<u64, error-code>`.
pub(crate) fn long(long: Result<u64, Errno>) -> u32 {
    result(Payload::Longs, long, store64)
}

/// Writes a `list<…>` or `string`.
pub(crate) fn list(at: u32, address: u32, length: u32) -> u32 {
    store32(at, address);
    store32(at + 4, length);
    at
}
