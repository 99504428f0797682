//! `wasi:filesystem/types.descriptor` without its paths, and `wasi:filesystem/preopens`.

use crate::answer::{self, Payload};
use crate::arena::allocate;
use crate::clocks::{SECOND, store_datetime};
use crate::directories;
use crate::errors::Errno;
use crate::memory::{store8, store32, store64, trap};
use crate::objects::{Kind, Object};
use crate::preview1::{self, Result, Stat, Times};
use crate::streams;

/// The first descriptor behind the standard streams.
const FIRST_PREOPENED: u32 = 3;

/// The most bytes of one read.
const MOST: u64 = 65_536;

/// Fields of a descriptor: the number in preview 1, how many use it, its flags.
const FD: u32 = 0;
const USES: u32 = 1;
const FLAGS: u32 = 2;

/// Of `descriptor-flags`.
pub(crate) const READ: u32 = 1;
pub(crate) const WRITE: u32 = 2;
pub(crate) const FILE_SYNC: u32 = 4;
pub(crate) const DATA_SYNC: u32 = 8;
pub(crate) const REQUESTED_WRITE_SYNC: u32 = 16;
pub(crate) const MUTATE_DIRECTORY: u32 = 32;

/// In the field of the flags: it was open before the start, and stays open.
const PREOPENED: u32 = 0x100;

/// A new descriptor.
pub(crate) fn new(fd: u32, flags: u32) -> u32 {
    let descriptor = Object::new(Kind::Descriptor);
    descriptor.set_word(FD, fd);
    descriptor.set_word(USES, 1);
    descriptor.set_word(FLAGS, flags);
    descriptor.rep()
}

fn object(descriptor: u32) -> Object {
    Object::of(descriptor, Kind::Descriptor)
}

/// The number in preview 1.
pub(crate) fn fd(descriptor: u32) -> u32 {
    object(descriptor).word(FD)
}

/// Keeps it open for a stream.
pub(crate) fn share(descriptor: u32) {
    let descriptor = object(descriptor);
    descriptor.set_word(USES, descriptor.word(USES) + 1);
}

/// Closes it when its last user has released it.
pub(crate) fn release(descriptor: u32) {
    let descriptor = object(descriptor);
    let uses = descriptor.word(USES) - 1;
    descriptor.set_word(USES, uses);
    if uses == 0 {
        if descriptor.word(FLAGS) & PREOPENED == 0 {
            // A descriptor that is open can be closed.
            let _ = preview1::close(descriptor.word(FD));
        }
        descriptor.free();
    }
}

#[unsafe(export_name = "wasi:filesystem/types#[dtor]descriptor")]
extern "C" fn drop(descriptor: u32) {
    release(descriptor);
}

#[unsafe(export_name = "wasi:filesystem/preopens#get-directories")]
extern "C" fn get_directories() -> u32 {
    let mut count = 0;
    while preview1::prestat(FIRST_PREOPENED + count).is_ok() {
        count += 1;
    }
    let list = allocate(4, 12 * count);
    for index in 0..count {
        let fd = FIRST_PREOPENED + index;
        let Ok(length) = preview1::prestat(fd) else { trap() };
        let name = allocate(1, length);
        if preview1::prestat_name(fd, name, length).is_err() {
            trap();
        }
        store32(list + 12 * index, new(fd, READ | MUTATE_DIRECTORY | PREOPENED));
        answer::list(list + 12 * index + 4, name, length);
    }
    answer::list(answer::address(), list, count)
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.read-via-stream")]
extern "C" fn read_via_stream(descriptor: u32, offset: u64) -> u32 {
    answer::handle(Ok(streams::input_of(descriptor, offset)))
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.write-via-stream")]
extern "C" fn write_via_stream(descriptor: u32, offset: u64) -> u32 {
    answer::handle(Ok(streams::output_of(descriptor, Some(offset))))
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.append-via-stream")]
extern "C" fn append_via_stream(descriptor: u32) -> u32 {
    answer::handle(Ok(streams::output_of(descriptor, None)))
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.advise")]
extern "C" fn advise(descriptor: u32, offset: u64, length: u64, advice: u32) -> u32 {
    answer::done(preview1::advise(fd(descriptor), offset, length, advice))
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.sync-data")]
extern "C" fn sync_data(descriptor: u32) -> u32 {
    answer::done(preview1::datasync(fd(descriptor)))
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.sync")]
extern "C" fn sync(descriptor: u32) -> u32 {
    answer::done(preview1::sync(fd(descriptor)))
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.get-flags")]
extern "C" fn get_flags(descriptor: u32) -> u32 {
    let flags = (object(descriptor).word(FLAGS) & !PREOPENED) as u8;
    answer::result(Payload::Bytes, Ok(flags), store8)
}

/// The `descriptor-type` of a file type of preview 1.
pub(crate) fn type_of(kind: u8) -> u8 {
    const TYPES: [u8; 8] = [
        0, // unknown
        1, // block-device
        2, // character-device
        3, // directory
        6, // regular-file
        7, // socket, of datagrams
        7, // socket, of streams
        5, // symbolic-link
    ];
    TYPES.get(usize::from(kind)).copied().unwrap_or(0)
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.get-type")]
extern "C" fn get_type(descriptor: u32) -> u32 {
    let kind = preview1::stat(fd(descriptor)).map(|stat| type_of(stat.kind));
    answer::result(Payload::Bytes, kind, store8)
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.set-size")]
extern "C" fn set_size(descriptor: u32, size: u64) -> u32 {
    answer::done(preview1::set_size(fd(descriptor), size))
}

/// The times of two `new-timestamp`.
pub(crate) fn times(accessed: (u32, u64, u32), modified: (u32, u64, u32)) -> Result<Times> {
    let time = |(case, seconds, nanoseconds): (u32, u64, u32)| match case {
        0 => Ok((0, 0)),
        1 => Ok((0, 2)),
        _ => {
            let time = seconds.checked_mul(SECOND).and_then(|time| time.checked_add(u64::from(nanoseconds)));
            time.map(|time| (time, 1)).ok_or(Errno::OVERFLOW)
        }
    };
    let (accessed, modified) = (time(accessed)?, time(modified)?);
    Ok(Times { accessed: accessed.0, modified: modified.0, flags: accessed.1 | modified.1 << 2 })
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.set-times")]
extern "C" fn set_times(
    descriptor: u32,
    a: u32,
    a_seconds: u64,
    a_nanos: u32,
    m: u32,
    m_seconds: u64,
    m_nanos: u32,
) -> u32 {
    let times = times((a, a_seconds, a_nanos), (m, m_seconds, m_nanos));
    answer::done(times.and_then(|times| preview1::set_times(fd(descriptor), times)))
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.read")]
extern "C" fn read(descriptor: u32, length: u64, offset: u64) -> u32 {
    let length = length.min(MOST) as u32;
    let address = allocate(1, length);
    let read = preview1::read_at(fd(descriptor), address, length, offset);
    answer::result(Payload::Words, read, |at, count| {
        answer::list(at, address, count);
        store8(at + 8, u8::from(count == 0 && length > 0));
    })
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.write")]
extern "C" fn write(descriptor: u32, address: u32, length: u32, offset: u64) -> u32 {
    answer::long(preview1::write_at(fd(descriptor), address, length, offset).map(u64::from))
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.read-directory")]
extern "C" fn read_directory(descriptor: u32) -> u32 {
    let stat = preview1::stat(fd(descriptor));
    let directory = stat.and_then(|stat| if type_of(stat.kind) == 3 { Ok(()) } else { Err(Errno::NOTDIR) });
    answer::handle(directory.map(|()| directories::new(descriptor)))
}

/// Writes `result<descriptor-stat, error-code>`.
pub(crate) fn answer_stat(stat: Result<Stat>) -> u32 {
    answer::result(Payload::Longs, stat, |at, stat| {
        store8(at, type_of(stat.kind));
        store64(at + 8, stat.links);
        store64(at + 16, stat.size);
        for (at, time) in (at + 24..).step_by(24).zip(stat.times) {
            store8(at, 1);
            store_datetime(at + 8, time);
        }
    })
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.stat")]
extern "C" fn stat(descriptor: u32) -> u32 {
    answer_stat(preview1::stat(fd(descriptor)))
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.is-same-object")]
extern "C" fn is_same_object(one: u32, other: u32) -> u32 {
    let (Ok(one), Ok(other)) = (preview1::stat(fd(one)), preview1::stat(fd(other))) else { return 0 };
    u32::from(one.device == other.device && one.inode == other.inode)
}

/// Writes `result<metadata-hash-value, error-code>`: a function of what identifies the file.
pub(crate) fn answer_hash(stat: Result<Stat>) -> u32 {
    answer::result(Payload::Longs, stat, |at, stat| {
        let lower = mixed(stat.inode ^ mixed(stat.device));
        store64(at, lower);
        store64(at + 8, mixed(lower));
    })
}

/// A permutation of 64-bit numbers in which each bit depends on all (splitmix64).
fn mixed(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.metadata-hash")]
extern "C" fn metadata_hash(descriptor: u32) -> u32 {
    answer_hash(preview1::stat(fd(descriptor)))
}
