//! What the guests share: shorter names for the calls of WASI preview 1, and assertions that say what went wrong.
//!
//! A guest that finds what it does not expect panics; that is a trap, and the test on the host shows its stderr.

use std::fmt::Debug;

use wasi::{
    Ciovec, Errno, FDFLAGS_APPEND, Fd, Fdflags, Filestat, Iovec, LOOKUPFLAGS_SYMLINK_FOLLOW, OFLAGS_CREAT,
    OFLAGS_DIRECTORY, Oflags, Rights,
};

/// The one preopened directory: `/`.
pub const ROOT: Fd = 3;
/// Rights that every call on a file or directory of ours may need: all of them.
pub const ALL: Rights = (1 << 30) - 1;
/// A descriptor that nothing ever opens.
pub const NOBODY: Fd = 7777;
/// 1 ms: what one look at the clock costs.
pub const LOOK: u64 = 1_000_000;
/// One second in the unit of WASI.
pub const SECOND: u64 = 1_000_000_000;

/// The code with which a call was refused.
#[track_caller]
pub fn refused<T: Debug>(result: Result<T, Errno>) -> Errno {
    match result {
        Ok(value) => panic!("expected a refusal, got {value:?}"),
        Err(errno) => errno,
    }
}

/// The value of a call that must not be refused.
#[track_caller]
pub fn granted<T>(result: Result<T, Errno>) -> T {
    match result {
        Ok(value) => value,
        Err(errno) => panic!("expected success, got {} ({})", errno.name(), errno.raw()),
    }
}

/// `path_open` relative to `dir`, following links, with all rights.
pub fn open_at(dir: Fd, path: &str, oflags: Oflags, fdflags: Fdflags) -> Result<Fd, Errno> {
    // SAFETY: the arguments are plain values.
    unsafe { wasi::path_open(dir, LOOKUPFLAGS_SYMLINK_FOLLOW, path, oflags, ALL, ALL, fdflags) }
}

/// `path_open` relative to `/`.
pub fn open(path: &str, oflags: Oflags) -> Result<Fd, Errno> {
    open_at(ROOT, path, oflags, 0)
}

/// Opens for reading only: what a read-only input grants.
pub fn open_to_read(path: &str) -> Result<Fd, Errno> {
    let rights = wasi::RIGHTS_FD_READ | wasi::RIGHTS_FD_SEEK | wasi::RIGHTS_FD_TELL | wasi::RIGHTS_FD_FILESTAT_GET;
    // SAFETY: the arguments are plain values.
    unsafe { wasi::path_open(ROOT, LOOKUPFLAGS_SYMLINK_FOLLOW, path, 0, rights, 0, 0) }
}

/// Opens the directory at `path`.
#[track_caller]
pub fn open_dir(path: &str) -> Fd {
    let rights = ALL & !(wasi::RIGHTS_FD_READ | wasi::RIGHTS_FD_WRITE);
    // SAFETY: the arguments are plain values.
    granted(unsafe { wasi::path_open(ROOT, LOOKUPFLAGS_SYMLINK_FOLLOW, path, OFLAGS_DIRECTORY, rights, ALL, 0) })
}

/// Makes a file with this content and closes it.
#[track_caller]
pub fn put(path: &str, content: &[u8]) {
    let fd = granted(open(path, OFLAGS_CREAT | wasi::OFLAGS_TRUNC));
    assert_eq!(granted(write(fd, content)), content.len());
    close(fd);
}

/// Opens for appending.
#[track_caller]
pub fn open_to_append(path: &str) -> Fd {
    granted(open_at(ROOT, path, OFLAGS_CREAT, FDFLAGS_APPEND))
}

/// The whole content of a file.
#[track_caller]
pub fn get(path: &str) -> Vec<u8> {
    let fd = granted(open_to_read(path));
    let content = read_all(fd);
    close(fd);
    content
}

/// All from the position of `fd` to the end.
#[track_caller]
pub fn read_all(fd: Fd) -> Vec<u8> {
    let mut content = Vec::new();
    loop {
        let more = granted(read(fd, 4096));
        if more.is_empty() {
            return content;
        }
        content.extend(more);
    }
}

/// `mkdir`.
#[track_caller]
pub fn make_dir(path: &str) {
    // SAFETY: the arguments are plain values.
    granted(unsafe { wasi::path_create_directory(ROOT, path) });
}

/// `fd_close` that must succeed.
#[track_caller]
pub fn close(fd: Fd) {
    // SAFETY: the arguments are plain values.
    granted(unsafe { wasi::fd_close(fd) });
}

/// `fd_write` of one buffer.
pub fn write(fd: Fd, content: &[u8]) -> Result<usize, Errno> {
    let iov = Ciovec { buf: content.as_ptr(), buf_len: content.len() };
    // SAFETY: the buffer is as long as it says.
    unsafe { wasi::fd_write(fd, &[iov]) }
}

/// `fd_read` into one buffer of this length.
pub fn read(fd: Fd, len: usize) -> Result<Vec<u8>, Errno> {
    let mut buf = vec![0; len];
    let iov = Iovec { buf: buf.as_mut_ptr(), buf_len: len };
    // SAFETY: the buffer is as long as it says.
    let count = unsafe { wasi::fd_read(fd, &[iov]) }?;
    buf.truncate(count);
    Ok(buf)
}

/// `fd_pread` into one buffer of this length.
pub fn read_at(fd: Fd, len: usize, offset: u64) -> Result<Vec<u8>, Errno> {
    let mut buf = vec![0; len];
    let iov = Iovec { buf: buf.as_mut_ptr(), buf_len: len };
    // SAFETY: the buffer is as long as it says.
    let count = unsafe { wasi::fd_pread(fd, &[iov], offset) }?;
    buf.truncate(count);
    Ok(buf)
}

/// `fd_pwrite` of one buffer.
pub fn write_at(fd: Fd, content: &[u8], offset: u64) -> Result<usize, Errno> {
    let iov = Ciovec { buf: content.as_ptr(), buf_len: content.len() };
    // SAFETY: the buffer is as long as it says.
    unsafe { wasi::fd_pwrite(fd, &[iov], offset) }
}

/// `path_filestat_get` that follows links.
pub fn stat(path: &str) -> Result<Filestat, Errno> {
    // SAFETY: the arguments are plain values.
    unsafe { wasi::path_filestat_get(ROOT, LOOKUPFLAGS_SYMLINK_FOLLOW, path) }
}

/// `path_filestat_get` of a link itself.
pub fn link_stat(path: &str) -> Result<Filestat, Errno> {
    // SAFETY: the arguments are plain values.
    unsafe { wasi::path_filestat_get(ROOT, 0, path) }
}

/// `path_unlink_file` below `/`.
pub fn unlink(path: &str) -> Result<(), Errno> {
    // SAFETY: the arguments are plain values.
    unsafe { wasi::path_unlink_file(ROOT, path) }
}

/// `path_remove_directory` below `/`.
pub fn remove_dir(path: &str) -> Result<(), Errno> {
    // SAFETY: the arguments are plain values.
    unsafe { wasi::path_remove_directory(ROOT, path) }
}

/// `path_rename` below `/`.
pub fn rename(from: &str, to: &str) -> Result<(), Errno> {
    // SAFETY: the arguments are plain values.
    unsafe { wasi::path_rename(ROOT, from, ROOT, to) }
}

/// `path_symlink` below `/`.
pub fn symlink(target: &str, path: &str) -> Result<(), Errno> {
    // SAFETY: the arguments are plain values.
    unsafe { wasi::path_symlink(target, ROOT, path) }
}

/// `path_link` below `/`, without following.
pub fn link(from: &str, to: &str) -> Result<(), Errno> {
    // SAFETY: the arguments are plain values.
    unsafe { wasi::path_link(ROOT, 0, from, ROOT, to) }
}

/// The realtime clock, which costs one look.
#[track_caller]
pub fn now() -> u64 {
    // SAFETY: the arguments are plain values.
    granted(unsafe { wasi::clock_time_get(wasi::CLOCKID_REALTIME, 1) })
}

/// Where the clock of a job starts when the job does not say.
pub const EPOCH: u64 = 1_640_995_200 * SECOND;

/// One entry of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The cookie that resumes behind this entry.
    pub next: u64,
    /// Inode.
    pub ino: u64,
    /// Type, as `wasi::Filetype::raw`.
    pub kind: u8,
    /// Name.
    pub name: String,
}

/// One `fd_readdir` with a buffer of this length: the bytes it used, and the whole entries in it.
pub fn list_once(fd: Fd, len: usize, cookie: u64) -> Result<(usize, Vec<Entry>), Errno> {
    const HEAD: usize = 24;
    let mut buf = vec![0_u8; len];
    // SAFETY: the buffer is as long as it says.
    let used = unsafe { wasi::fd_readdir(fd, buf.as_mut_ptr(), len, cookie) }?;
    let number = |at: usize| u64::from_le_bytes(buf[at..at + 8].try_into().unwrap());
    let (mut at, mut entries) = (0, Vec::new());
    while at + HEAD <= used {
        let name_len = u32::from_le_bytes(buf[at + 16..at + 20].try_into().unwrap()) as usize;
        let Some(name) = buf[..used].get(at + HEAD..at + HEAD + name_len) else { break };
        let name = String::from_utf8(name.to_vec()).unwrap();
        entries.push(Entry { next: number(at), ino: number(at + 8), kind: buf[at + 20], name });
        at += HEAD + name_len;
    }
    Ok((used, entries))
}

/// The whole listing of an open directory, with a buffer of this length.
#[track_caller]
pub fn list(fd: Fd, len: usize) -> Vec<Entry> {
    let (mut all, mut cookie) = (Vec::new(), 0);
    loop {
        let (used, entries) = granted(list_once(fd, len, cookie));
        cookie = entries.last().map_or(cookie, |entry| entry.next);
        assert!(used < len || !entries.is_empty(), "no entry fits into {len} bytes");
        all.extend(entries);
        if used < len {
            return all;
        }
    }
}

/// The names of the directory at `path`, without `.` and `..`.
#[track_caller]
pub fn names(path: &str) -> Vec<String> {
    let fd = open_dir(path);
    let names = list(fd, 4096).into_iter().skip(2).map(|entry| entry.name).collect();
    close(fd);
    names
}

/// Bytes as lowercase hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
