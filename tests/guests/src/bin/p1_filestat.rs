//! What `stat` says: device 1, inodes of their own, size, number of names, virtual times; the same by name and by
//! descriptor.
use guests::{EPOCH, ROOT, granted, link_stat, make_dir, open, open_dir, put, refused, stat, symlink, unlink, write};
use wasi::{ERRNO_BADF, ERRNO_NOENT, ERRNO_NOTDIR, FILETYPE_DIRECTORY, FILETYPE_REGULAR_FILE, FILETYPE_SYMBOLIC_LINK};

fn main() {
    unsafe {
        make_dir("d");
        put("d/f", b"12345");
        granted(symlink("f", "d/l"));
        let dir = granted(stat("d"));
        assert_eq!((dir.dev, dir.filetype, dir.size, dir.nlink), (1, FILETYPE_DIRECTORY, 0, 1));
        let file = granted(stat("d/f"));
        assert_eq!((file.dev, file.filetype, file.size, file.nlink), (1, FILETYPE_REGULAR_FILE, 5, 1));
        assert_eq!([file.atim, file.mtim, file.ctim], [EPOCH; 3], "nobody has looked at the clock yet");
        let link = granted(link_stat("d/l"));
        assert_eq!((link.filetype, link.size, link.nlink), (FILETYPE_SYMBOLIC_LINK, 1, 1));
        assert_eq!(granted(stat("d/l")).ino, file.ino, "followed");
        assert_ne!(link.ino, file.ino);
        assert_ne!(dir.ino, file.ino);
        // By descriptor.
        let fd = granted(open("d/f", 0));
        let same = granted(wasi::fd_filestat_get(fd));
        assert_eq!((same.ino, same.size, same.mtim), (file.ino, file.size, file.mtim));
        granted(write(fd, b"1234567"));
        assert_eq!(granted(wasi::fd_filestat_get(fd)).size, 7);
        let dir_fd = open_dir("d");
        assert_eq!(granted(wasi::fd_filestat_get(dir_fd)).ino, dir.ino);
        assert_eq!(granted(wasi::path_filestat_get(dir_fd, 0, "f")).ino, file.ino);
        assert_eq!(granted(wasi::path_filestat_get(dir_fd, 0, ".")).ino, dir.ino);
        for path in [".", "/", "d/.."] {
            assert_eq!(granted(stat(path)).ino, granted(wasi::fd_filestat_get(ROOT)).ino, "{path}");
        }
        // A deleted file is still there for whoever holds it, without a name.
        granted(unlink("d/f"));
        let ghost = granted(wasi::fd_filestat_get(fd));
        assert_eq!((ghost.ino, ghost.nlink, ghost.size), (file.ino, 0, 7));
        // The standard three have answers too.
        for fd in 0..3 {
            let stat = granted(wasi::fd_filestat_get(fd));
            assert_eq!((stat.size, stat.mtim % guests::LOOK), (0, 0), "{fd}");
        }
        assert_eq!(refused(stat("d/f")), ERRNO_NOENT);
        assert_eq!(refused(stat("d/l")), ERRNO_NOENT, "the link dangles now");
        assert_eq!(refused(stat("")), ERRNO_NOENT);
        put("g", b"");
        assert_eq!(refused(stat("g/x")), ERRNO_NOTDIR);
        assert_eq!(refused(stat("g/.")), ERRNO_NOTDIR);
        assert_eq!(refused(stat("g/..")), ERRNO_NOTDIR);
        assert_eq!(wasi::fd_filestat_get(guests::NOBODY).err(), Some(ERRNO_BADF));
    }
}
