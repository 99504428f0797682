//! The functions of preview 1 that are imported, with their results as values.
#![allow(unsafe_code, reason = "imports")]

use crate::cells::Scratch;
use crate::errors::Errno;
use crate::memory::{load8, load32, load64, store32, store64};

mod imports {
    #[link(wasm_import_module = "wasi_snapshot_preview1")]
    unsafe extern "C" {
        pub(super) safe fn args_get(pointers: u32, bytes: u32) -> u32;
        pub(super) safe fn args_sizes_get(count: u32, bytes: u32) -> u32;
        pub(super) safe fn clock_res_get(clock: u32, result: u32) -> u32;
        pub(super) safe fn clock_time_get(clock: u32, precision: u64, result: u32) -> u32;
        pub(super) safe fn environ_get(pointers: u32, bytes: u32) -> u32;
        pub(super) safe fn environ_sizes_get(count: u32, bytes: u32) -> u32;
        pub(super) safe fn fd_advise(fd: u32, offset: u64, length: u64, advice: u32) -> u32;
        pub(super) safe fn fd_close(fd: u32) -> u32;
        pub(super) safe fn fd_datasync(fd: u32) -> u32;
        pub(super) safe fn fd_filestat_get(fd: u32, result: u32) -> u32;
        pub(super) safe fn fd_filestat_set_size(fd: u32, size: u64) -> u32;
        pub(super) safe fn fd_filestat_set_times(fd: u32, accessed: u64, modified: u64, flags: u32) -> u32;
        pub(super) safe fn fd_pread(fd: u32, buffers: u32, count: u32, offset: u64, result: u32) -> u32;
        pub(super) safe fn fd_prestat_dir_name(fd: u32, address: u32, length: u32) -> u32;
        pub(super) safe fn fd_prestat_get(fd: u32, result: u32) -> u32;
        pub(super) safe fn fd_pwrite(fd: u32, buffers: u32, count: u32, offset: u64, result: u32) -> u32;
        pub(super) safe fn fd_read(fd: u32, buffers: u32, count: u32, result: u32) -> u32;
        pub(super) safe fn fd_readdir(fd: u32, address: u32, length: u32, cookie: u64, result: u32) -> u32;
        pub(super) safe fn fd_sync(fd: u32) -> u32;
        pub(super) safe fn fd_write(fd: u32, buffers: u32, count: u32, result: u32) -> u32;
        pub(super) safe fn path_create_directory(fd: u32, path: u32, length: u32) -> u32;
        pub(super) safe fn path_filestat_get(fd: u32, flags: u32, path: u32, length: u32, result: u32) -> u32;
        pub(super) safe fn path_filestat_set_times(
            fd: u32,
            lookup: u32,
            path: u32,
            length: u32,
            accessed: u64,
            modified: u64,
            flags: u32,
        ) -> u32;
        pub(super) safe fn path_link(
            old: u32,
            flags: u32,
            old_path: u32,
            old_length: u32,
            new: u32,
            new_path: u32,
            new_length: u32,
        ) -> u32;
        pub(super) safe fn path_open(
            fd: u32,
            lookup: u32,
            path: u32,
            length: u32,
            open: u32,
            rights: u64,
            inheriting: u64,
            flags: u32,
            result: u32,
        ) -> u32;
        pub(super) safe fn path_readlink(fd: u32, path: u32, length: u32, address: u32, bytes: u32, result: u32)
        -> u32;
        pub(super) safe fn path_remove_directory(fd: u32, path: u32, length: u32) -> u32;
        pub(super) safe fn path_rename(
            old: u32,
            old_path: u32,
            old_length: u32,
            new: u32,
            new_path: u32,
            new_length: u32,
        ) -> u32;
        pub(super) safe fn path_symlink(target: u32, target_length: u32, fd: u32, path: u32, length: u32) -> u32;
        pub(super) safe fn path_unlink_file(fd: u32, path: u32, length: u32) -> u32;
        pub(super) safe fn poll_oneoff(subscriptions: u32, events: u32, count: u32, result: u32) -> u32;
        pub(super) safe fn proc_exit(code: u32) -> !;
        pub(super) safe fn random_get(address: u32, length: u32) -> u32;
    }
}

/// Ends the run with a code.
pub(crate) fn proc_exit(code: u32) -> ! {
    imports::proc_exit(code)
}

/// Where results are written.
static OUT: Scratch<64> = Scratch::new();
/// One buffer.
static BUFFER: Scratch<8> = Scratch::new();
/// A subscription, and an event.
static SUBSCRIPTION: Scratch<48> = Scratch::new();
static EVENT: Scratch<32> = Scratch::new();

pub(crate) type Result<T> = core::result::Result<T, Errno>;

pub(crate) const REALTIME: u32 = 0;
pub(crate) const MONOTONIC: u32 = 1;

/// Path flag: follow a link at the end.
pub(crate) const FOLLOW: u32 = 1;

fn check(errno: u32) -> Result<()> {
    match u16::try_from(errno) {
        Ok(0) => Ok(()),
        Ok(errno) => Err(Errno(errno)),
        Err(_) => Err(Errno::INVAL),
    }
}

/// A path, in memory.
#[derive(Clone, Copy)]
pub(crate) struct Path {
    pub(crate) address: u32,
    pub(crate) length: u32,
}

/// What is known of a file.
pub(crate) struct Stat {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) kind: u8,
    pub(crate) links: u64,
    pub(crate) size: u64,
    /// Accessed, modified, changed.
    pub(crate) times: [u64; 3],
}

/// Times to be set, with the flags of preview 1.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) accessed: u64,
    pub(crate) modified: u64,
    pub(crate) flags: u32,
}

/// Strings: their number, and the bytes of all of them with their ends.
pub(crate) type Sizes = (u32, u32);

fn sizes(call: extern "C" fn(u32, u32) -> u32) -> Result<Sizes> {
    let out = OUT.address();
    check(call(out, out + 4))?;
    Ok((load32(out), load32(out + 4)))
}

pub(crate) fn args_sizes() -> Result<Sizes> {
    sizes(imports::args_sizes_get)
}

pub(crate) fn args(pointers: u32, bytes: u32) -> Result<()> {
    check(imports::args_get(pointers, bytes))
}

pub(crate) fn environ_sizes() -> Result<Sizes> {
    sizes(imports::environ_sizes_get)
}

pub(crate) fn environ(pointers: u32, bytes: u32) -> Result<()> {
    check(imports::environ_get(pointers, bytes))
}

pub(crate) fn clock_resolution(clock: u32) -> Result<u64> {
    check(imports::clock_res_get(clock, OUT.address()))?;
    Ok(load64(OUT.address()))
}

pub(crate) fn clock_time(clock: u32) -> Result<u64> {
    check(imports::clock_time_get(clock, 0, OUT.address()))?;
    Ok(load64(OUT.address()))
}

/// Waits until a time of the monotonic clock.
pub(crate) fn wait_until(deadline: u64) -> Result<()> {
    let at = SUBSCRIPTION.address();
    store64(at, 0);
    store32(at + 8, 0);
    store32(at + 16, MONOTONIC);
    store64(at + 24, deadline);
    store64(at + 32, 0);
    // The time is one of the clock, not one from now on.
    store32(at + 40, 1);
    check(imports::poll_oneoff(at, EVENT.address(), 1, OUT.address()))
}

pub(crate) fn random(address: u32, length: u32) -> Result<()> {
    check(imports::random_get(address, length))
}

/// The length of the name of a directory that was opened before the start.
pub(crate) fn prestat(fd: u32) -> Result<u32> {
    check(imports::fd_prestat_get(fd, OUT.address()))?;
    Ok(load32(OUT.address() + 4))
}

pub(crate) fn prestat_name(fd: u32, address: u32, length: u32) -> Result<()> {
    check(imports::fd_prestat_dir_name(fd, address, length))
}

pub(crate) fn close(fd: u32) -> Result<()> {
    check(imports::fd_close(fd))
}

pub(crate) fn advise(fd: u32, offset: u64, length: u64, advice: u32) -> Result<()> {
    check(imports::fd_advise(fd, offset, length, advice))
}

pub(crate) fn datasync(fd: u32) -> Result<()> {
    check(imports::fd_datasync(fd))
}

pub(crate) fn sync(fd: u32) -> Result<()> {
    check(imports::fd_sync(fd))
}

fn stat_result() -> Stat {
    let at = OUT.address();
    Stat {
        device: load64(at),
        inode: load64(at + 8),
        kind: load8(at + 16),
        links: load64(at + 24),
        size: load64(at + 32),
        times: [load64(at + 40), load64(at + 48), load64(at + 56)],
    }
}

pub(crate) fn stat(fd: u32) -> Result<Stat> {
    check(imports::fd_filestat_get(fd, OUT.address()))?;
    Ok(stat_result())
}

pub(crate) fn stat_at(fd: u32, follow: u32, path: Path) -> Result<Stat> {
    check(imports::path_filestat_get(fd, follow, path.address, path.length, OUT.address()))?;
    Ok(stat_result())
}

pub(crate) fn set_size(fd: u32, size: u64) -> Result<()> {
    check(imports::fd_filestat_set_size(fd, size))
}

pub(crate) fn set_times(fd: u32, times: Times) -> Result<()> {
    check(imports::fd_filestat_set_times(fd, times.accessed, times.modified, times.flags))
}

pub(crate) fn set_times_at(fd: u32, follow: u32, path: Path, times: Times) -> Result<()> {
    let Times { accessed, modified, flags } = times;
    check(imports::path_filestat_set_times(fd, follow, path.address, path.length, accessed, modified, flags))
}

fn buffer(address: u32, length: u32) -> u32 {
    store32(BUFFER.address(), address);
    store32(BUFFER.address() + 4, length);
    BUFFER.address()
}

pub(crate) fn read(fd: u32, address: u32, length: u32) -> Result<u32> {
    check(imports::fd_read(fd, buffer(address, length), 1, OUT.address()))?;
    Ok(load32(OUT.address()))
}

pub(crate) fn read_at(fd: u32, address: u32, length: u32, offset: u64) -> Result<u32> {
    check(imports::fd_pread(fd, buffer(address, length), 1, offset, OUT.address()))?;
    Ok(load32(OUT.address()))
}

pub(crate) fn write(fd: u32, address: u32, length: u32) -> Result<u32> {
    check(imports::fd_write(fd, buffer(address, length), 1, OUT.address()))?;
    Ok(load32(OUT.address()))
}

pub(crate) fn write_at(fd: u32, address: u32, length: u32, offset: u64) -> Result<u32> {
    check(imports::fd_pwrite(fd, buffer(address, length), 1, offset, OUT.address()))?;
    Ok(load32(OUT.address()))
}

pub(crate) fn read_directory(fd: u32, address: u32, length: u32, cookie: u64) -> Result<u32> {
    check(imports::fd_readdir(fd, address, length, cookie, OUT.address()))?;
    Ok(load32(OUT.address()))
}

pub(crate) fn create_directory(fd: u32, path: Path) -> Result<()> {
    check(imports::path_create_directory(fd, path.address, path.length))
}

pub(crate) fn remove_directory(fd: u32, path: Path) -> Result<()> {
    check(imports::path_remove_directory(fd, path.address, path.length))
}

pub(crate) fn unlink(fd: u32, path: Path) -> Result<()> {
    check(imports::path_unlink_file(fd, path.address, path.length))
}

pub(crate) fn link(old: u32, follow: u32, from: Path, new: u32, to: Path) -> Result<()> {
    check(imports::path_link(old, follow, from.address, from.length, new, to.address, to.length))
}

pub(crate) fn rename(old: u32, from: Path, new: u32, to: Path) -> Result<()> {
    check(imports::path_rename(old, from.address, from.length, new, to.address, to.length))
}

pub(crate) fn symlink(target: Path, fd: u32, path: Path) -> Result<()> {
    check(imports::path_symlink(target.address, target.length, fd, path.address, path.length))
}

pub(crate) fn readlink(fd: u32, path: Path, address: u32, bytes: u32) -> Result<u32> {
    check(imports::path_readlink(fd, path.address, path.length, address, bytes, OUT.address()))?;
    Ok(load32(OUT.address()))
}

pub(crate) fn open(fd: u32, follow: u32, path: Path, open: u32, rights: (u64, u64), flags: u32) -> Result<u32> {
    let (rights, inheriting) = rights;
    let (address, length) = (path.address, path.length);
    check(imports::path_open(fd, follow, address, length, open, rights, inheriting, flags, OUT.address()))?;
    Ok(load32(OUT.address()))
}
