//! Standard output and standard error are two logs; standard input is empty; each refuses the other direction.
use guests::{close, granted, read, refused, write};
use wasi::ERRNO_BADF;

fn main() {
    assert_eq!(granted(read(0, 9)), b"");
    for fd in [1, 2] {
        assert_eq!(refused(read(fd, 1)), ERRNO_BADF, "{fd}");
        granted(unsafe { wasi::fd_fdstat_set_flags(fd, wasi::FDFLAGS_APPEND) });
    }
    assert_eq!(refused(write(0, b"x")), ERRNO_BADF);
    assert_eq!(granted(write(1, b"out 1\n")), 6);
    assert_eq!(granted(write(2, b"err\n")), 4);
    assert_eq!(granted(write(1, b"\xff\0out 2\n")), 8, "any bytes");
    close(1);
    assert_eq!(refused(write(1, b"lost")), ERRNO_BADF);
}
