//! What `fd_fdstat_get` says of each kind of descriptor.
use guests::{ROOT, granted, open_dir, open_to_append, put};
use wasi::{
    FDFLAGS_APPEND, FILETYPE_CHARACTER_DEVICE, FILETYPE_DIRECTORY, FILETYPE_REGULAR_FILE, RIGHTS_FD_READ,
    RIGHTS_FD_READDIR, RIGHTS_FD_SEEK, RIGHTS_FD_TELL, RIGHTS_FD_WRITE, RIGHTS_PATH_OPEN,
};

fn main() {
    unsafe {
        put("f", b"x");
        let file = open_to_append("f");
        let dir = open_dir(".");
        for fd in 0..3 {
            let stat = granted(wasi::fd_fdstat_get(fd));
            // A terminal is a character device that can neither seek nor tell.
            let seeks = stat.fs_rights_base & (RIGHTS_FD_SEEK | RIGHTS_FD_TELL) != 0;
            assert!(stat.fs_filetype != FILETYPE_CHARACTER_DEVICE || seeks, "{fd} looks like a terminal");
            assert_eq!(stat.fs_rights_base & (RIGHTS_PATH_OPEN | RIGHTS_FD_READDIR), 0);
            let wanted = if fd == 0 { RIGHTS_FD_READ } else { RIGHTS_FD_WRITE };
            assert_eq!(stat.fs_rights_base & (RIGHTS_FD_READ | RIGHTS_FD_WRITE), wanted, "{fd}");
        }
        let stat = granted(wasi::fd_fdstat_get(file));
        assert_eq!((stat.fs_filetype, stat.fs_flags), (FILETYPE_REGULAR_FILE, FDFLAGS_APPEND));
        for right in [RIGHTS_FD_READ, RIGHTS_FD_WRITE, RIGHTS_FD_SEEK, RIGHTS_FD_TELL] {
            assert_ne!(stat.fs_rights_base & right, 0, "{right}");
        }
        for fd in [ROOT, dir] {
            let stat = granted(wasi::fd_fdstat_get(fd));
            assert_eq!((stat.fs_filetype, stat.fs_flags), (FILETYPE_DIRECTORY, 0));
            assert_ne!(stat.fs_rights_base & RIGHTS_PATH_OPEN, 0);
            assert_ne!(stat.fs_rights_base & RIGHTS_FD_READDIR, 0);
            // What is opened below may read and write.
            assert_ne!(stat.fs_rights_inheriting & RIGHTS_FD_READ, 0);
            assert_ne!(stat.fs_rights_inheriting & RIGHTS_FD_WRITE, 0);
        }
    }
}
