//! `fd_renumber` moves a descriptor over another one, which is closed; neither may be one that is not open.
use guests::{NOBODY, get, granted, open, put, read, refused, write};
use wasi::{ERRNO_BADF, OFLAGS_CREAT};

fn main() {
    unsafe {
        put("a", b"from a");
        put("b", b"from b");
        let a = granted(open("a", 0));
        let b = granted(open("b", 0));
        granted(read(a, 5));
        granted(wasi::fd_renumber(a, b));
        assert_eq!(granted(read(b, 9)), b"a", "the position came along");
        assert_eq!(refused(read(a, 1)), ERRNO_BADF);
        assert_eq!(refused(wasi::fd_renumber(NOBODY, b)), ERRNO_BADF);
        assert_eq!(refused(wasi::fd_renumber(b, NOBODY)), ERRNO_BADF);
        granted(wasi::fd_renumber(b, b));
        assert_eq!(granted(read(b, 9)), b"", "onto itself: nothing changes");
        // Standard output goes to a file from now on; what is told to stderr says when that fails.
        let log = granted(open("log", OFLAGS_CREAT));
        println!("to the log of the job");
        granted(wasi::fd_renumber(log, 1));
        granted(write(1, b"to the file"));
        assert_eq!(get("log"), b"to the file");
    }
}
