//! Positioned reads and writes do not move the position; a write past the end leaves zeros before it.
use guests::{get, granted, open, read, read_at, refused, write, write_at};
use wasi::{ERRNO_SPIPE, OFLAGS_CREAT};

fn main() {
    let fd = granted(open("f", OFLAGS_CREAT));
    assert_eq!(granted(write(fd, b"0123456789")), 10);
    assert_eq!(granted(read_at(fd, 4, 3)), b"3456");
    assert_eq!(granted(read_at(fd, 4, 8)), b"89");
    assert_eq!(granted(read_at(fd, 4, 10)), b"");
    assert_eq!(granted(read_at(fd, 4, 1 << 40)), b"");
    assert_eq!(granted(write_at(fd, b"ab", 1)), 2);
    assert_eq!(granted(unsafe { wasi::fd_tell(fd) }), 10, "the position stands where writing left it");
    assert_eq!(granted(read(fd, 1)), b"");
    assert_eq!(granted(write_at(fd, b"z", 12)), 1);
    assert_eq!(get("f"), b"0ab3456789\0\0z");
    assert_eq!(granted(write_at(fd, b"", 1 << 40)), 0, "an empty write does not grow the file");
    assert_eq!(get("f").len(), 13);
    // A position that no file can have.
    assert_eq!(refused(write_at(fd, b"x", u64::MAX)), wasi::ERRNO_FBIG);
    // Standard output has no positions.
    assert_eq!(refused(write_at(1, b"x", 0)), ERRNO_SPIPE);
    assert_eq!(refused(read_at(0, 1, 0)), ERRNO_SPIPE);
}
