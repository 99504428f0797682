//! The functions of `wasi:filesystem/types.descriptor` that take paths.

use crate::answer::{self, Payload};
use crate::arena::allocate;
use crate::descriptors::{
    self, DATA_SYNC, FILE_SYNC, READ, REQUESTED_WRITE_SYNC, WRITE, answer_hash, answer_stat, fd, times,
};
use crate::preview1::{self, FOLLOW, Path};

/// The longest target of a link.
const MOST_TARGET: u32 = 4096;

/// Rights of preview 1: what is asked for a descriptor in any case, to read, and to write.
const ANY: u64 = 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 21 | 1 << 23 | 1 << 27;
const TO_READ: u64 = 1 << 1;
const TO_WRITE: u64 = 1 << 6 | 1 << 8 | 1 << 22;
const ALL: u64 = 0x0fff_ffff;

fn path(address: u32, length: u32) -> Path {
    Path { address, length }
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.create-directory-at")]
extern "C" fn create_directory_at(descriptor: u32, address: u32, length: u32) -> u32 {
    answer::done(preview1::create_directory(fd(descriptor), path(address, length)))
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.stat-at")]
extern "C" fn stat_at(descriptor: u32, flags: u32, address: u32, length: u32) -> u32 {
    answer_stat(preview1::stat_at(fd(descriptor), flags & FOLLOW, path(address, length)))
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.metadata-hash-at")]
extern "C" fn metadata_hash_at(descriptor: u32, flags: u32, address: u32, length: u32) -> u32 {
    answer_hash(preview1::stat_at(fd(descriptor), flags & FOLLOW, path(address, length)))
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.set-times-at")]
extern "C" fn set_times_at(
    descriptor: u32,
    flags: u32,
    address: u32,
    length: u32,
    a: u32,
    a_seconds: u64,
    a_nanos: u32,
    m: u32,
    m_seconds: u64,
    m_nanos: u32,
) -> u32 {
    let times = times((a, a_seconds, a_nanos), (m, m_seconds, m_nanos));
    let set = |times| preview1::set_times_at(fd(descriptor), flags & FOLLOW, path(address, length), times);
    answer::done(times.and_then(set))
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.link-at")]
extern "C" fn link_at(
    old: u32,
    flags: u32,
    old_address: u32,
    old_length: u32,
    new: u32,
    new_address: u32,
    new_length: u32,
) -> u32 {
    let (from, to) = (path(old_address, old_length), path(new_address, new_length));
    answer::done(preview1::link(fd(old), flags & FOLLOW, from, fd(new), to))
}

/// The flags of an opened file in preview 1.
fn file_flags(flags: u32) -> u32 {
    let flag = |flag: u32, value: u32| if flags & flag != 0 { value } else { 0 };
    flag(DATA_SYNC, 2) | flag(REQUESTED_WRITE_SYNC, 8) | flag(FILE_SYNC, 16)
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.open-at")]
extern "C" fn open_at(descriptor: u32, lookup: u32, address: u32, length: u32, open: u32, flags: u32) -> u32 {
    let mut rights = ANY;
    if flags & READ != 0 {
        rights |= TO_READ;
    }
    if flags & WRITE != 0 {
        rights |= TO_WRITE;
    }
    let opened = preview1::open(
        fd(descriptor),
        lookup & FOLLOW,
        path(address, length),
        // The bits are those of preview 1: create, directory, exclusive, truncate.
        open,
        (rights, ALL),
        file_flags(flags),
    );
    answer::handle(opened.map(|fd| descriptors::new(fd, flags)))
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.readlink-at")]
extern "C" fn readlink_at(descriptor: u32, address: u32, length: u32) -> u32 {
    let target = allocate(1, MOST_TARGET);
    let read = preview1::readlink(fd(descriptor), path(address, length), target, MOST_TARGET);
    answer::result(Payload::Words, read, |at, bytes| {
        answer::list(at, target, bytes);
    })
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.remove-directory-at")]
extern "C" fn remove_directory_at(descriptor: u32, address: u32, length: u32) -> u32 {
    answer::done(preview1::remove_directory(fd(descriptor), path(address, length)))
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.rename-at")]
extern "C" fn rename_at(
    old: u32,
    old_address: u32,
    old_length: u32,
    new: u32,
    new_address: u32,
    new_length: u32,
) -> u32 {
    answer::done(preview1::rename(fd(old), path(old_address, old_length), fd(new), path(new_address, new_length)))
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.symlink-at")]
extern "C" fn symlink_at(descriptor: u32, target: u32, target_length: u32, address: u32, length: u32) -> u32 {
    answer::done(preview1::symlink(path(target, target_length), fd(descriptor), path(address, length)))
}

#[unsafe(export_name = "wasi:filesystem/types#[method]descriptor.unlink-file-at")]
extern "C" fn unlink_file_at(descriptor: u32, address: u32, length: u32) -> u32 {
    answer::done(preview1::unlink(fd(descriptor), path(address, length)))
}
