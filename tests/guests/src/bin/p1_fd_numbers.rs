//! Which number a new descriptor gets: the lowest that is free, as in POSIX. Closed ones are gone.
use guests::{NOBODY, close, granted, open, put, read, refused, write};
use wasi::{ERRNO_BADF, OFLAGS_CREAT};

fn main() {
    let fds: Vec<_> = (0..4).map(|n| granted(open(&format!("f{n}"), OFLAGS_CREAT))).collect();
    assert_eq!(fds, [4, 5, 6, 7]);
    close(5);
    close(4);
    assert_eq!(refused(write(5, b"x")), ERRNO_BADF);
    assert_eq!(refused(unsafe { wasi::fd_close(5) }), ERRNO_BADF);
    put("g", b"");
    assert_eq!(granted(open("g", 0)), 4);
    assert_eq!(granted(open("g", 0)), 5);
    assert_eq!(granted(open("g", 0)), 8);
    // The standard three can be closed like any other.
    close(0);
    assert_eq!(refused(read(0, 1)), ERRNO_BADF);
    assert_eq!(granted(open("g", 0)), 0);
    assert_eq!(refused(unsafe { wasi::fd_close(NOBODY) }), ERRNO_BADF);
    assert_eq!(refused(unsafe { wasi::fd_close(u32::MAX) }), ERRNO_BADF);
}
