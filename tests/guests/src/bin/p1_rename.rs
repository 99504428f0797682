//! Renaming: over files, over directories, into itself, between directories, with open descriptors.
use guests::{get, granted, list, make_dir, names, open, open_dir, put, read_all, refused, rename, stat, symlink};
use wasi::{ERRNO_INVAL, ERRNO_ISDIR, ERRNO_NOENT, ERRNO_NOTDIR, ERRNO_NOTEMPTY};

fn main() {
    unsafe {
        put("a", b"a");
        put("b", b"b");
        let ino = granted(stat("a")).ino;
        let held = granted(open("b", 0));
        granted(rename("a", "b"));
        assert_eq!((get("b"), granted(stat("b")).ino), (b"a".to_vec(), ino));
        assert_eq!(refused(stat("a")), ERRNO_NOENT);
        assert_eq!(read_all(held), b"b", "what was replaced lives on for whoever holds it");
        granted(rename("b", "b"));
        assert_eq!(get("b"), b"a");

        make_dir("empty");
        make_dir("full");
        put("full/x", b"x");
        assert_eq!(refused(rename("b", "empty")), ERRNO_ISDIR);
        assert_eq!(refused(rename("empty", "b")), ERRNO_NOTDIR);
        assert_eq!(refused(rename("empty", "full")), ERRNO_NOTEMPTY);
        let full = open_dir("full");
        granted(rename("full", "empty"));
        assert_eq!(get("empty/x"), b"x");
        assert_eq!(list(full, 999).len(), 3, "an open directory moves along");
        assert_eq!(refused(stat("full")), ERRNO_NOENT);

        make_dir("empty/sub");
        assert_eq!(refused(rename("empty", "empty/inside")), ERRNO_INVAL);
        assert_eq!(refused(rename("empty", "empty/sub/inside")), ERRNO_INVAL);
        assert_eq!(refused(rename("empty/sub", "empty")), ERRNO_NOTEMPTY);
        assert_eq!(refused(rename("absent", "x")), ERRNO_NOENT);
        assert_eq!(refused(rename("b", "absent/x")), ERRNO_NOENT);
        assert_eq!(refused(rename("b", "b/x")), ERRNO_NOTDIR);
        assert_eq!(refused(rename("b/", "c")), ERRNO_NOTDIR);
        assert_eq!(refused(rename("", "c")), ERRNO_NOENT);
        assert_eq!(refused(rename("..", "c")), wasi::ERRNO_PERM);
        for path in [".", "/", "empty/.", "empty/.."] {
            assert_eq!(refused(rename(path, "c")), wasi::ERRNO_BUSY, "{path}");
        }
        // Between two directories that are held open; and a link is moved, not followed.
        granted(rename("empty", "full"));
        let sub = open_dir("full/sub");
        granted(wasi::path_rename(full, "x", sub, "y"));
        assert_eq!((names("full"), names("full/sub")), (vec!["sub".to_string()], vec!["y".to_string()]));
        granted(symlink("full", "l"));
        granted(rename("l", "m"));
        assert_eq!(get("m/sub/y"), b"x");
        // Up from a directory that has moved: to where it is now.
        make_dir("other");
        granted(rename("full/sub", "other/sub"));
        assert_eq!(list(sub, 999)[1].ino, granted(stat("other")).ino);
    }
}
