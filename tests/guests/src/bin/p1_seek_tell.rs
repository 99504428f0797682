//! The position: three kinds of seek, none before the start; past the end it is only a number until something is written.
use guests::{NOBODY, ROOT, get, granted, open, read, refused, write};
use wasi::{ERRNO_BADF, ERRNO_INVAL, ERRNO_SPIPE, OFLAGS_CREAT, WHENCE_CUR, WHENCE_END, WHENCE_SET};

fn main() {
    unsafe {
        let fd = granted(open("f", OFLAGS_CREAT));
        assert_eq!(granted(write(fd, b"0123456789")), 10);
        assert_eq!(granted(wasi::fd_seek(fd, 4, WHENCE_SET)), 4);
        assert_eq!(granted(wasi::fd_seek(fd, -1, WHENCE_CUR)), 3);
        assert_eq!(granted(read(fd, 2)), b"34");
        assert_eq!(granted(wasi::fd_seek(fd, 0, WHENCE_CUR)), 5);
        assert_eq!(granted(wasi::fd_seek(fd, -2, WHENCE_END)), 8);
        assert_eq!(granted(wasi::fd_tell(fd)), 8);
        for (offset, whence) in [(-1, WHENCE_SET), (-9, WHENCE_CUR), (-11, WHENCE_END), (i64::MIN, WHENCE_CUR)] {
            assert_eq!(refused(wasi::fd_seek(fd, offset, whence)), ERRNO_INVAL, "{offset} {whence:?}");
        }
        assert_eq!(granted(wasi::fd_tell(fd)), 8, "a refused seek moves nothing");
        assert_eq!(granted(wasi::fd_seek(fd, 3, WHENCE_END)), 13);
        assert_eq!(granted(read(fd, 1)), b"");
        assert_eq!(get("f").len(), 10);
        assert_eq!(granted(write(fd, b"!")), 1);
        assert_eq!(get("f"), b"0123456789\0\0\0!");
        // The largest position, and one step beyond.
        let errno = wasi::fd_seek(fd, i64::MAX, WHENCE_SET).and_then(|_| wasi::fd_seek(fd, i64::MAX, WHENCE_CUR)).err();
        assert_eq!(errno, Some(ERRNO_INVAL));
        // An unknown kind of seek.
        assert_eq!(wasi::wasi_snapshot_preview1::fd_seek(fd as i32, 0, 3, 0x8000), i32::from(ERRNO_INVAL.raw()));
        for stdio in 0..3 {
            assert_eq!(refused(wasi::fd_seek(stdio, 0, WHENCE_CUR)), ERRNO_SPIPE);
            assert_eq!(refused(wasi::fd_tell(stdio)), ERRNO_SPIPE);
        }
        assert_eq!(refused(wasi::fd_seek(ROOT, 0, WHENCE_SET)), wasi::ERRNO_ISDIR);
        assert_eq!(refused(wasi::fd_tell(NOBODY)), ERRNO_BADF);
    }
}
