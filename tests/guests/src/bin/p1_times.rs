//! Times of files: those of the virtual clock at each change, without a look; or what the program sets.
use guests::{
    EPOCH, LOOK, ROOT, granted, link_stat, make_dir, now, open, open_dir, put, read, refused, stat, symlink, write,
};
use wasi::{
    ERRNO_INVAL, FSTFLAGS_ATIM, FSTFLAGS_ATIM_NOW, FSTFLAGS_MTIM, FSTFLAGS_MTIM_NOW, LOOKUPFLAGS_SYMLINK_FOLLOW,
};

fn main() {
    unsafe {
        put("f", b"one");
        assert_eq!(granted(stat("f")).mtim, EPOCH);
        // Ten looks later.
        for _ in 0..10 {
            now();
        }
        let fd = granted(open("f", 0));
        granted(write(fd, b"two"));
        assert_eq!(
            granted(stat("f")).mtim,
            EPOCH + 10 * LOOK,
            "a change takes the time, and looking costs nothing here"
        );
        assert_eq!(granted(stat("f")).ctim, EPOCH + 10 * LOOK);
        // A directory changes when a name in it does.
        make_dir("d");
        now();
        put("d/x", b"");
        assert_eq!(granted(stat("d")).mtim, EPOCH + 11 * LOOK);
        now();
        granted(guests::unlink("d/x"));
        assert_eq!(granted(stat("d")).mtim, EPOCH + 12 * LOOK);
        // Set by descriptor, by name, through a link and of the link itself.
        granted(wasi::fd_filestat_set_times(fd, 5, 6, FSTFLAGS_ATIM | FSTFLAGS_MTIM));
        let times = granted(stat("f"));
        assert_eq!((times.atim, times.mtim), (5, 6));
        granted(wasi::path_filestat_set_times(ROOT, LOOKUPFLAGS_SYMLINK_FOLLOW, "f", 0, 7, FSTFLAGS_MTIM));
        let times = granted(stat("f"));
        assert_eq!((times.atim, times.mtim), (5, 7), "only what was asked for");
        granted(symlink("f", "l"));
        granted(wasi::path_filestat_set_times(ROOT, 0, "l", 8, 9, FSTFLAGS_ATIM | FSTFLAGS_MTIM));
        assert_eq!((granted(link_stat("l")).mtim, granted(stat("f")).mtim), (9, 7));
        granted(wasi::path_filestat_set_times(ROOT, LOOKUPFLAGS_SYMLINK_FOLLOW, "l", 0, 10, FSTFLAGS_MTIM));
        assert_eq!((granted(link_stat("l")).mtim, granted(stat("f")).mtim), (9, 10));
        // Now: the virtual clock, again without a look.
        granted(wasi::fd_filestat_set_times(fd, 0, 0, FSTFLAGS_ATIM_NOW | FSTFLAGS_MTIM_NOW));
        let times = granted(stat("f"));
        assert_eq!((times.atim, times.mtim), (EPOCH + 12 * LOOK, EPOCH + 12 * LOOK));
        let dir = open_dir("d");
        granted(wasi::fd_filestat_set_times(dir, 0, 3, FSTFLAGS_MTIM));
        assert_eq!(granted(stat("d")).mtim, 3);
        for both in [FSTFLAGS_ATIM | FSTFLAGS_ATIM_NOW, FSTFLAGS_MTIM | FSTFLAGS_MTIM_NOW] {
            assert_eq!(refused(wasi::fd_filestat_set_times(fd, 0, 0, both)), ERRNO_INVAL);
            assert_eq!(refused(wasi::path_filestat_set_times(ROOT, 0, "f", 0, 0, both)), ERRNO_INVAL);
        }
        // Reading does not count as a change of any time.
        let before = granted(stat("f"));
        now();
        granted(read(fd, 3));
        let after = granted(stat("f"));
        assert_eq!((after.atim, after.mtim, after.ctim), (before.atim, before.mtim, before.ctim));
        assert_eq!(now(), EPOCH + 13 * LOOK);
    }
}
