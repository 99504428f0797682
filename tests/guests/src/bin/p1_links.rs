//! Hard links: two names, one content, one inode; counted; not of directories.
use guests::{ROOT, get, granted, link, link_stat, make_dir, open, put, refused, rename, stat, symlink, unlink, write};
use wasi::{ERRNO_EXIST, ERRNO_NOENT, ERRNO_PERM, LOOKUPFLAGS_SYMLINK_FOLLOW, OFLAGS_TRUNC};

fn main() {
    unsafe {
        put("a", b"content");
        make_dir("d");
        granted(link("a", "d/b"));
        let (a, b) = (granted(stat("a")), granted(stat("d/b")));
        assert_eq!((a.ino, a.nlink, b.nlink), (b.ino, 2, 2));
        let fd = granted(open("d/b", OFLAGS_TRUNC));
        granted(write(fd, b"new"));
        assert_eq!(get("a"), b"new");
        granted(link("d/b", "c"));
        assert_eq!(granted(stat("a")).nlink, 3);
        granted(rename("a", "c"));
        assert_eq!(granted(stat("a")).nlink, 3, "renaming one name of a file to another does nothing, as in POSIX");
        granted(unlink("a"));
        assert_eq!((granted(stat("c")).nlink, get("c")), (2, b"new".to_vec()));
        granted(unlink("c"));
        granted(unlink("d/b"));
        assert_eq!(granted(wasi::fd_filestat_get(fd)).nlink, 0);

        put("f", b"");
        assert_eq!(refused(link("absent", "x")), ERRNO_NOENT);
        assert_eq!(refused(link("f", "absent/x")), ERRNO_NOENT);
        assert_eq!(refused(link("f", "f")), ERRNO_EXIST);
        assert_eq!(refused(link("f", "d")), ERRNO_EXIST);
        assert_eq!(refused(link("d", "e")), ERRNO_PERM);
        // A link to a link, and through it.
        granted(symlink("f", "s"));
        granted(link("s", "s2"));
        assert_eq!(granted(link_stat("s2")).ino, granted(link_stat("s")).ino);
        assert_eq!(granted(link_stat("s")).nlink, 2);
        let followed = wasi::path_link(ROOT, LOOKUPFLAGS_SYMLINK_FOLLOW, "s", ROOT, "f2");
        assert_eq!(followed.map(|()| granted(link_stat("f2")).ino), Ok(granted(stat("f")).ino));
    }
}
