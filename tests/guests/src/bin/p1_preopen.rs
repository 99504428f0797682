//! There is one preopened directory, descriptor 3, named `/`; the standard three are no directories.
use guests::{NOBODY, ROOT, granted, refused};
use wasi::{ERRNO_BADF, ERRNO_NAMETOOLONG};

fn main() {
    unsafe {
        let preopen = granted(wasi::fd_prestat_get(ROOT));
        assert_eq!(preopen.tag, wasi::PREOPENTYPE_DIR.raw());
        assert_eq!(preopen.u.dir.pr_name_len, 1);
        let mut name = [b'x'; 2];
        granted(wasi::fd_prestat_dir_name(ROOT, name.as_mut_ptr(), 1));
        assert_eq!(name, *b"/x", "exactly as many bytes as the name has");
        let short = refused(wasi::fd_prestat_dir_name(ROOT, name.as_mut_ptr(), 0));
        assert_eq!(short, ERRNO_NAMETOOLONG);
        for fd in [4, NOBODY, u32::MAX] {
            assert_eq!(wasi::fd_prestat_get(fd).err(), Some(ERRNO_BADF), "{fd}");
        }
        for fd in 0..3 {
            assert_eq!(wasi::fd_prestat_get(fd).err(), Some(ERRNO_BADF), "{fd}");
        }
    }
}
