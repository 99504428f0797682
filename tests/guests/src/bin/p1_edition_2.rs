//! What edition 2 of the world has and edition 1 refuses.
use guests::{get, granted, open, put, read, refused, write};
use wasi::{ERRNO_BADF, ERRNO_BUSY, ERRNO_NOENT, OFLAGS_CREAT};

fn main() {
    unsafe {
        // As programs redirect their output and take it back (yosys does): to a number that is closed meanwhile.
        let log = granted(open("log", OFLAGS_CREAT));
        let spare = granted(open("log", 0));
        granted(wasi::fd_renumber(1, spare));
        granted(wasi::fd_renumber(log, 1));
        granted(write(1, b"to the file"));
        granted(wasi::fd_renumber(spare, 1));
        println!("to the log of the job");
        assert_eq!(get("log"), b"to the file");
        assert_eq!(refused(wasi::fd_close(spare)), ERRNO_BADF);

        // The numbers below it are free, and the lowest is given away first.
        let first = granted(open("log", 0));
        granted(wasi::fd_renumber(first, 40));
        let next = granted(open("log", 0));
        assert_eq!(next, first);
        granted(wasi::fd_renumber(next, first + 5));
        assert_eq!(granted(open("log", 0)), first);
        granted(wasi::fd_close(40));
        assert_eq!(refused(wasi::fd_renumber(1, 1 << 30)), ERRNO_BADF);
        assert_eq!(refused(wasi::fd_renumber(1, u32::MAX)), ERRNO_BADF);

        // Above the root is the root.
        put("f", b"in the root");
        assert_eq!(get("../../f"), b"in the root");
        assert_eq!(get("outputs/../../f"), b"in the root");
        assert_eq!(refused(open("../nothing", 0)), ERRNO_NOENT);
        // What is written to /dev/null is gone, and it stays where it is.
        let null = granted(open("/dev/null", 0));
        for text in [&b"any"[..], b"thing"] {
            assert_eq!(granted(write(null, text)), text.len());
        }
        assert_eq!(granted(read(null, 9)), b"");
        granted(wasi::fd_filestat_set_size(null, 1 << 20));
        assert_eq!(granted(wasi::fd_filestat_get(null)).size, 0);
        put("/dev/null", b"again");
        assert_eq!(get("/dev/null"), b"");
        assert_eq!(refused(wasi::path_unlink_file(3, "/dev/null")), ERRNO_BUSY);
        assert_eq!(refused(wasi::path_rename(3, "/dev/null", 3, "/x")), ERRNO_BUSY);
        println!("done");
    }
}
