//! Making directories, and what is in the way.
use guests::{ROOT, granted, make_dir, names, open_dir, put, refused, stat, symlink};
use wasi::{ERRNO_EXIST, ERRNO_NOENT, ERRNO_NOTDIR, FILETYPE_DIRECTORY};

fn main() {
    unsafe {
        let make = |path: &str| wasi::path_create_directory(ROOT, path);
        make_dir("d");
        make_dir("d/e/");
        make_dir("/d/f");
        put("file", b"");
        granted(symlink("absent", "dangling"));
        for path in ["d", "d/e", "file", "dangling", ".", "/", "d/.."] {
            assert_eq!(refused(make(path)), ERRNO_EXIST, "{path}");
        }
        assert_eq!(refused(make("absent/d")), ERRNO_NOENT);
        assert_eq!(refused(make("")), ERRNO_NOENT);
        assert_eq!(refused(make("file/d")), ERRNO_NOTDIR);
        assert_eq!(names("d"), ["e", "f"]);
        let d = open_dir("d");
        granted(wasi::path_create_directory(d, "e/g"));
        assert_eq!(granted(stat("d/e/g")).filetype, FILETYPE_DIRECTORY);
        // What every job begins with.
        assert!(names("/").contains(&"outputs".to_string()));
        assert_eq!(names("/outputs"), [""; 0]);
    }
}
