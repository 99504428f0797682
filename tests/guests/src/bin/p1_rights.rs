//! Rights of a descriptor can be given up, and then they are gone for good.
use guests::{close, granted, open, put, read, refused, write};
use wasi::{ERRNO_BADF, ERRNO_NOTCAPABLE, OFLAGS_CREAT, RIGHTS_FD_READ, RIGHTS_FD_WRITE};

fn main() {
    unsafe {
        put("f", b"content");
        let fd = granted(open("f", OFLAGS_CREAT));
        let before = granted(wasi::fd_fdstat_get(fd));
        let fewer = before.fs_rights_base & !RIGHTS_FD_WRITE;
        granted(wasi::fd_fdstat_set_rights(fd, before.fs_rights_base, before.fs_rights_inheriting));
        granted(write(fd, b"C"));
        granted(wasi::fd_fdstat_set_rights(fd, fewer, before.fs_rights_inheriting));
        assert_eq!(granted(wasi::fd_fdstat_get(fd)).fs_rights_base, fewer);
        assert_eq!(refused(write(fd, b"x")), ERRNO_NOTCAPABLE);
        let errno = refused(wasi::fd_fdstat_set_rights(fd, before.fs_rights_base, before.fs_rights_inheriting));
        assert_eq!(errno, ERRNO_NOTCAPABLE, "a right does not come back");
        assert_eq!(granted(read(fd, 9)), b"ontent", "what was not given up still works");
        granted(wasi::fd_fdstat_set_rights(fd, fewer & !RIGHTS_FD_READ, 0));
        assert_eq!(refused(read(fd, 1)), ERRNO_NOTCAPABLE);
        close(fd);
        assert_eq!(refused(wasi::fd_fdstat_set_rights(fd, 0, 0)), ERRNO_BADF);
        assert_eq!(refused(wasi::fd_fdstat_set_flags(fd, 0)), ERRNO_BADF);
    }
}
