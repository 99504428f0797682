//! Making a file shorter, longer (zeros), and long enough; what directories and read-only descriptors answer.
use guests::{ROOT, get, granted, open, refused, stat, write};
use wasi::{ERRNO_INVAL, OFLAGS_CREAT};

fn main() {
    unsafe {
        let fd = granted(open("f", OFLAGS_CREAT));
        granted(write(fd, b"0123456789"));
        granted(wasi::fd_filestat_set_size(fd, 4));
        assert_eq!(get("f"), b"0123");
        assert_eq!(granted(wasi::fd_tell(fd)), 10, "the position stays");
        granted(wasi::fd_filestat_set_size(fd, 6));
        assert_eq!(get("f"), b"0123\0\0", "what was cut off does not come back");
        granted(write(fd, b"x"));
        assert_eq!(get("f"), b"0123\0\0\0\0\0\0x");
        granted(wasi::fd_allocate(fd, 0, 4));
        assert_eq!(granted(stat("f")).size, 11, "allocating never shortens");
        granted(wasi::fd_allocate(fd, 10, 10));
        assert_eq!(granted(stat("f")).size, 20);
        assert_eq!(get("f")[10..], *b"x\0\0\0\0\0\0\0\0\0");
        assert_eq!(refused(wasi::fd_allocate(fd, 0, 0)), ERRNO_INVAL);
        assert_eq!(refused(wasi::fd_allocate(fd, u64::MAX, 2)), wasi::ERRNO_FBIG);
        assert_eq!(refused(wasi::fd_filestat_set_size(ROOT, 0)), wasi::ERRNO_ISDIR);
        assert_eq!(refused(wasi::fd_filestat_set_size(1, 0)), wasi::ERRNO_SPIPE);
    }
}
