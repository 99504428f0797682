//! Error numbers of preview 1, and `wasi:io/error`.

use crate::answer;
use crate::arena::allocate;
use crate::memory::{store8, trap};
use crate::objects::{Kind, Object};

/// An error number of preview 1; never 0.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Errno(pub(crate) u16);

impl Errno {
    pub(crate) const INVAL: Self = Self(28);
    pub(crate) const NOTDIR: Self = Self(54);
    pub(crate) const OVERFLOW: Self = Self(61);
}

/// Of preview 1: the code in `wasi:filesystem/types.error-code`, by number, from 0.
const CODES: [u8; 77] = {
    const IO: u8 = 13;
    let mut codes = [IO; 77];
    let known: [(usize, u8); 38] = [
        (2, 0),   // access
        (6, 1),   // would-block
        (7, 2),   // already
        (8, 3),   // bad-descriptor
        (10, 4),  // busy
        (16, 5),  // deadlock
        (19, 6),  // quota
        (20, 7),  // exist
        (22, 8),  // file-too-large
        (25, 9),  // illegal-byte-sequence
        (26, 10), // in-progress
        (27, 11), // interrupted
        (28, 12), // invalid
        (29, 13), // io
        (31, 14), // is-directory
        (32, 15), // loop
        (34, 16), // too-many-links
        (35, 17), // message-size
        (37, 18), // name-too-long
        (43, 19), // no-device
        (44, 20), // no-entry
        (46, 21), // no-lock
        (48, 22), // insufficient-memory
        (51, 23), // insufficient-space
        (54, 24), // not-directory
        (55, 25), // not-empty
        (56, 26), // not-recoverable
        (58, 27), // unsupported
        (59, 28), // no-tty
        (60, 29), // no-such-device
        (61, 30), // overflow
        (63, 31), // not-permitted
        (64, 32), // pipe
        (69, 33), // read-only
        (70, 34), // invalid-seek
        (74, 35), // text-file-busy
        (75, 36), // cross-device
        (76, 31), // not-permitted
    ];
    let mut index = 0;
    while index < known.len() {
        codes[known[index].0] = known[index].1;
        index += 1;
    }
    codes
};

/// The code in `wasi:filesystem/types.error-code`.
pub(crate) fn code(errno: Errno) -> u8 {
    CODES.get(usize::from(errno.0)).copied().unwrap_or(CODES[0])
}

/// A new error resource.
pub(crate) fn new(errno: Errno) -> u32 {
    let error = Object::new(Kind::Error);
    error.set_word(0, u32::from(errno.0));
    error.rep()
}

fn number(error: u32) -> u16 {
    match u16::try_from(Object::of(error, Kind::Error).word(0)) {
        Ok(number) => number,
        Err(_) => trap(),
    }
}

#[unsafe(export_name = "wasi:io/error#[dtor]error")]
extern "C" fn drop(error: u32) {
    Object::of(error, Kind::Error).free();
}

const TEXT: &[u8] = b"error 00 of WASI preview 1";

#[unsafe(export_name = "wasi:io/error#[method]error.to-debug-string")]
extern "C" fn to_debug_string(error: u32) -> u32 {
    let number = number(error).min(99);
    let length = TEXT.len() as u32;
    let address = allocate(1, length);
    for (offset, byte) in (0..).zip(TEXT) {
        store8(address + offset, *byte);
    }
    store8(address + 6, b'0' + (number / 10) as u8);
    store8(address + 7, b'0' + (number % 10) as u8);
    answer::list(answer::address(), address, length)
}

#[unsafe(export_name = "wasi:filesystem/types#filesystem-error-code")]
extern "C" fn filesystem_error_code(error: u32) -> u32 {
    let at = answer::address();
    store8(at, 1);
    store8(at + 1, code(Errno(number(error))));
    at
}
