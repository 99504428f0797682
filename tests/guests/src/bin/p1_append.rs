//! A descriptor that appends writes at the end wherever its position is, and can be told to stop.
use guests::{get, granted, open_to_append, put, read, write};
use wasi::{FDFLAGS_APPEND, WHENCE_SET};

fn main() {
    unsafe {
        put("f", b"start");
        let a = open_to_append("f");
        let b = open_to_append("f");
        assert_eq!(granted(wasi::fd_fdstat_get(a)).fs_flags, FDFLAGS_APPEND);
        granted(write(a, b" a1"));
        granted(write(b, b" b1"));
        granted(wasi::fd_seek(a, 0, WHENCE_SET));
        granted(write(a, b" a2"));
        assert_eq!(get("f"), b"start a1 b1 a2");
        assert_eq!(granted(wasi::fd_tell(a)), 14, "after appending the position is the end");
        granted(wasi::fd_seek(a, 0, WHENCE_SET));
        assert_eq!(granted(read(a, 5)), b"start", "reading is not bound to the end");
        granted(wasi::fd_fdstat_set_flags(a, 0));
        granted(wasi::fd_seek(a, 0, WHENCE_SET));
        granted(write(a, b"S"));
        assert_eq!(get("f"), b"Start a1 b1 a2");
        granted(wasi::fd_fdstat_set_flags(a, FDFLAGS_APPEND));
        granted(write(a, b"."));
        assert_eq!(get("f"), b"Start a1 b1 a2.");
    }
}
