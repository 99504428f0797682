//! Standard output and standard error are two logs; standard input is empty; each refuses the other direction.
use guests::{close, granted, read, refused, write};
use wasi::{ERRNO_BADF, ERRNO_NOTCAPABLE};

fn main() {
    assert_eq!(granted(read(0, 9)), b"");
    for fd in [1, 2] {
        let errno = refused(read(fd, 1));
        assert!([ERRNO_BADF, ERRNO_NOTCAPABLE].contains(&errno), "{fd}: {errno:?}");
        granted(unsafe { wasi::fd_fdstat_set_flags(fd, wasi::FDFLAGS_APPEND) });
    }
    let errno = refused(write(0, b"x"));
    assert!([ERRNO_BADF, ERRNO_NOTCAPABLE].contains(&errno), "{errno:?}");
    assert_eq!(granted(write(1, b"out 1\n")), 6);
    assert_eq!(granted(write(2, b"err\n")), 4);
    assert_eq!(granted(write(1, b"\xff\0out 2\n")), 8, "any bytes");
    close(1);
    assert_eq!(refused(write(1, b"lost")), ERRNO_BADF);
}
