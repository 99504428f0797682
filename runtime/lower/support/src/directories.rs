//! `wasi:filesystem/types.directory-entry-stream`.

use crate::answer::{self, Payload};
use crate::cells::Global;
use crate::descriptors::{self, fd, type_of};
use crate::memory::{load8, load32, load64, store8, store32};
use crate::objects::{Kind, Object};
use crate::preview1::{self, Result};
use crate::store::keep;

/// Bytes that are listed at once: several entries, and at least one, since names have at most 255 bytes.
const BUFFER: u32 = 4096;

/// Bytes of an entry before its name.
const HEADER: u32 = 24;

/// Fields of a stream: the descriptor, the address of its buffer, where the next entry is in it and the end of entries
/// (two halves of a word); the cookie of the next entry.
const DESCRIPTOR: u32 = 0;
const ADDRESS: u32 = 1;
const RANGE: u32 = 2;
const COOKIE: u32 = 0;

/// Buffers that are not used, as a list.
static FREE: Global<u32> = Global::new(0);

fn set_range(stream: Object, next: u32, end: u32) {
    stream.set_word(RANGE, next << 16 | end);
}

/// A new stream of the entries of an open directory.
pub(crate) fn new(descriptor: u32) -> u32 {
    descriptors::share(descriptor);
    let stream = Object::new(Kind::Directory);
    let mut buffer = FREE.get();
    if buffer == 0 {
        buffer = keep(BUFFER);
    } else {
        FREE.set(load32(buffer));
    }
    stream.set_word(DESCRIPTOR, descriptor);
    stream.set_word(ADDRESS, buffer);
    set_range(stream, BUFFER, BUFFER);
    stream.rep()
}

#[unsafe(export_name = "wasi:filesystem/types#[dtor]directory-entry-stream")]
extern "C" fn drop(stream: u32) {
    let stream = Object::of(stream, Kind::Directory);
    let buffer = stream.word(ADDRESS);
    store32(buffer, FREE.get());
    FREE.set(buffer);
    descriptors::release(stream.word(DESCRIPTOR));
    stream.free();
}

/// The next entry: its file type, and the address and length of its name.
fn next(stream: Object) -> Result<Option<(u8, u32, u32)>> {
    let buffer = stream.word(ADDRESS);
    loop {
        let (at, end) = (stream.word(RANGE) >> 16, stream.word(RANGE) & 0xffff);
        if at + HEADER <= end {
            let entry = buffer + at;
            let length = load32(entry + 16);
            if length <= end - at - HEADER {
                stream.set_long(COOKIE, load64(entry));
                set_range(stream, at + HEADER + length, end);
                let name = entry + HEADER;
                if is_dots(name, length) {
                    continue;
                }
                return Ok(Some((load8(entry + 20), name, length)));
            }
        }
        if end < BUFFER {
            return Ok(None);
        }
        let used = preview1::read_directory(fd(stream.word(DESCRIPTOR)), buffer, BUFFER, stream.long(COOKIE))?;
        set_range(stream, 0, used);
    }
}

/// Whether the name is `.` or `..`, which WASI 0.2 does not list.
fn is_dots(name: u32, length: u32) -> bool {
    length <= 2 && (0..length).all(|at| load8(name + at) == b'.')
}

#[unsafe(export_name = "wasi:filesystem/types#[method]directory-entry-stream.read-directory-entry")]
extern "C" fn read_directory_entry(stream: u32) -> u32 {
    let entry = next(Object::of(stream, Kind::Directory));
    answer::result(Payload::Words, entry, |at, entry| match entry {
        None => store8(at, 0),
        Some((kind, name, length)) => {
            store8(at, 1);
            store8(at + 4, type_of(kind));
            answer::list(at + 8, name, length);
        }
    })
}
