//! Reading and writing through several buffers, partly empty ones; what a file opened for one of the two refuses.
use guests::{ALL, ROOT, close, get, granted, open, put, read, read_all, refused, write};
use wasi::{Ciovec, ERRNO_BADF, Iovec, OFLAGS_CREAT, OFLAGS_EXCL, OFLAGS_TRUNC};

fn main() {
    unsafe {
        let fd = granted(open("f", OFLAGS_CREAT | OFLAGS_EXCL));
        let parts = [&b"one"[..], b"", b", two", b""].map(|part| Ciovec { buf: part.as_ptr(), buf_len: part.len() });
        assert_eq!(granted(wasi::fd_write(fd, &parts)), 8);
        assert_eq!(granted(wasi::fd_write(fd, &[])), 0);
        assert_eq!(granted(wasi::fd_seek(fd, 0, wasi::WHENCE_SET)), 0);
        let (mut a, mut b) = ([0_u8; 5], [b'.'; 9]);
        let into = [
            Iovec { buf: a.as_mut_ptr(), buf_len: a.len() },
            Iovec { buf: a.as_mut_ptr(), buf_len: 0 },
            Iovec { buf: b.as_mut_ptr(), buf_len: b.len() },
        ];
        assert_eq!(granted(wasi::fd_read(fd, &into)), 8);
        assert_eq!((&a, &b), (b"one, ", b"two......"));
        assert_eq!(granted(wasi::fd_read(fd, &into)), 0, "at the end");
        assert_eq!(granted(wasi::fd_read(fd, &[])), 0);
        close(fd);

        assert_eq!(refused(open("f", OFLAGS_CREAT | OFLAGS_EXCL)), wasi::ERRNO_EXIST);
        let fd = granted(open("f", OFLAGS_TRUNC));
        assert_eq!(read_all(fd), b"", "truncated when opened");
        close(fd);

        put("f", b"content");
        let reader = granted(guests::open_to_read("f"));
        assert_eq!(refused(write(reader, b"x")), ERRNO_BADF, "write to a reader");
        assert_eq!(refused(wasi::fd_filestat_set_size(reader, 0)), wasi::ERRNO_INVAL, "truncate a reader");
        let writer = granted(wasi::path_open(ROOT, 0, "f", 0, ALL & !wasi::RIGHTS_FD_READ, 0, 0));
        assert_eq!(refused(read(writer, 1)), ERRNO_BADF, "read from a writer");
        assert_eq!(granted(write(writer, b"CON")), 3);
        assert_eq!(read_all(reader), b"CONtent", "two descriptors share the content, not the position");
        assert_eq!(get("f"), b"CONtent");
    }
}
