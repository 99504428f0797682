//! Deleting files and directories, and going on to use what is open.
use guests::{get, granted, make_dir, names, open, open_dir, put, read_all, refused, remove_dir, stat, unlink, write};
use wasi::{ERRNO_BUSY, ERRNO_INVAL, ERRNO_ISDIR, ERRNO_NOENT, ERRNO_NOTDIR, ERRNO_NOTEMPTY, OFLAGS_CREAT};

fn main() {
    put("f", b"content");
    let fd = granted(open("f", 0));
    granted(unlink("f"));
    assert_eq!(refused(open("f", 0)), ERRNO_NOENT);
    assert_eq!(read_all(fd), b"content");
    granted(write(fd, b" and more"));
    put("f", b"another");
    granted(unsafe { wasi::fd_seek(fd, 0, wasi::WHENCE_SET) });
    assert_eq!((read_all(fd), get("f")), (b"content and more".to_vec(), b"another".to_vec()));

    assert_eq!(refused(unlink("absent")), ERRNO_NOENT);
    assert_eq!(refused(unlink("f/x")), ERRNO_NOTDIR);
    assert_eq!(refused(unlink("f/")), ERRNO_NOTDIR);
    assert_eq!(refused(remove_dir("f")), ERRNO_NOTDIR);
    assert_eq!(refused(remove_dir("absent")), ERRNO_NOENT);
    make_dir("d");
    assert_eq!(refused(unlink("d")), ERRNO_ISDIR);
    put("d/x", b"");
    assert_eq!(refused(remove_dir("d")), ERRNO_NOTEMPTY);
    assert_eq!(refused(remove_dir("d/.")), ERRNO_INVAL);
    for path in ["d/..", ".", "/"] {
        assert_eq!(refused(remove_dir(path)), ERRNO_BUSY, "{path}");
    }
    granted(unlink("d/x"));
    let dir = open_dir("d");
    granted(remove_dir("d/"));
    assert_eq!(refused(stat("d")), ERRNO_NOENT);
    assert_eq!(
        refused(guests::open_at(dir, "new", OFLAGS_CREAT, 0)),
        ERRNO_NOENT,
        "nothing grows in a deleted directory"
    );
    assert!(!names("/").contains(&"d".to_string()));
}
