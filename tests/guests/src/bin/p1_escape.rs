//! No path leaves the directory that it is relative to: not by `..`, not by a slash, not by a link.
use guests::{ROOT, get, granted, make_dir, open_at, open_dir, put, refused, symlink};
use wasi::{ERRNO_PERM, OFLAGS_CREAT};

fn main() {
    unsafe {
        make_dir("d");
        make_dir("d/e");
        put("secret", b"s");
        put("d/own", b"o");
        let d = open_dir("d");
        granted(symlink("../secret", "d/up"));
        granted(symlink("e/../../secret", "d/around"));
        granted(symlink("..", "d/parent"));
        for path in
            ["../secret", "..", "e/../../secret", "/secret", "/", "/d/own", "up", "around", "parent/secret", "./.."]
        {
            assert_eq!(refused(open_at(d, path, 0, 0)), ERRNO_PERM, "{path}");
            assert_eq!(wasi::path_filestat_get(d, 1, path).err(), Some(ERRNO_PERM), "{path}");
        }
        for path in ["../new", "/new", "parent/new"] {
            assert_eq!(refused(open_at(d, path, OFLAGS_CREAT, 0)), ERRNO_PERM, "{path}");
            assert_eq!(refused(wasi::path_create_directory(d, path)), ERRNO_PERM, "{path}");
            assert_eq!(refused(wasi::path_unlink_file(d, path)), ERRNO_PERM, "{path}");
            assert_eq!(refused(wasi::path_remove_directory(d, path)), ERRNO_PERM, "{path}");
            assert_eq!(refused(wasi::path_rename(d, "own", d, path)), ERRNO_PERM, "{path}");
            assert_eq!(refused(wasi::path_rename(d, path, d, "own")), ERRNO_PERM, "{path}");
            assert_eq!(refused(wasi::path_link(d, 0, "own", d, path)), ERRNO_PERM, "{path}");
            assert_eq!(refused(wasi::path_symlink("own", d, path)), ERRNO_PERM, "{path}");
        }
        // Through the root the same places are ordinary ones, and nothing is above it.
        assert_eq!(get("/d/up"), b"s");
        assert_eq!(get("d/parent/secret"), b"s");
        for path in ["..", "../secret", "d/../../secret", "/..", "/../secret"] {
            assert_eq!(refused(open_at(ROOT, path, 0, 0)), ERRNO_PERM, "{path}");
        }
        granted(symlink("../../../../etc/passwd", "d/passwd"));
        assert_eq!(refused(guests::open("d/passwd", 0)), ERRNO_PERM);
    }
}
