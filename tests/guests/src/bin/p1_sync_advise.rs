//! Advice and syncing change nothing, but say whether the descriptor exists and the advice does.
use guests::{NOBODY, ROOT, get, granted, open, put, refused};
use wasi::{ADVICE_DONTNEED, ADVICE_WILLNEED, ERRNO_BADF, ERRNO_INVAL, wasi_snapshot_preview1 as raw};

fn main() {
    unsafe {
        put("f", b"content");
        let fd = granted(open("f", 0));
        granted(wasi::fd_advise(fd, 0, 99, ADVICE_WILLNEED));
        granted(wasi::fd_advise(fd, u64::MAX / 4, 0, ADVICE_DONTNEED));
        granted(wasi::fd_sync(fd));
        granted(wasi::fd_datasync(fd));
        assert_eq!(get("f"), b"content");
        granted(wasi::fd_sync(ROOT));
        assert_eq!(raw::fd_advise(fd as i32, 0, 1, 99), i32::from(ERRNO_INVAL.raw()));
        assert_eq!(refused(wasi::fd_advise(NOBODY, 0, 1, ADVICE_WILLNEED)), ERRNO_BADF);
        assert_eq!(refused(wasi::fd_sync(NOBODY)), ERRNO_BADF);
        assert_eq!(refused(wasi::fd_datasync(NOBODY)), ERRNO_BADF);
    }
}
