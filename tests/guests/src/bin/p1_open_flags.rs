//! What the flags of `path_open` mean together, and which combinations are refused.
use guests::{ROOT, close, granted, make_dir, open, open_at, put, refused, symlink};
use wasi::{
    ERRNO_EXIST, ERRNO_INVAL, ERRNO_ISDIR, ERRNO_LOOP, ERRNO_NOENT, ERRNO_NOTDIR, OFLAGS_CREAT, OFLAGS_DIRECTORY,
    OFLAGS_EXCL, OFLAGS_TRUNC,
};

fn main() {
    unsafe {
        make_dir("d");
        put("f", b"x");
        assert_eq!(refused(open("absent", 0)), ERRNO_NOENT);
        assert_eq!(refused(open("absent/f", OFLAGS_CREAT)), ERRNO_NOENT);
        assert_eq!(refused(open("f/x", OFLAGS_CREAT)), ERRNO_NOTDIR);
        assert_eq!(refused(open("f", OFLAGS_DIRECTORY)), ERRNO_NOTDIR);
        assert_eq!(refused(open("", 0)), ERRNO_NOENT);
        assert_eq!(refused(open("f/", 0)), ERRNO_NOTDIR);
        assert_eq!(refused(open("d", OFLAGS_CREAT | OFLAGS_EXCL)), ERRNO_EXIST);
        assert_eq!(refused(open("d", OFLAGS_TRUNC)), ERRNO_ISDIR);
        assert_eq!(refused(open("new", OFLAGS_CREAT | OFLAGS_DIRECTORY)), ERRNO_INVAL);
        assert_eq!(refused(open("new", 0)), ERRNO_NOENT, "nothing was made");
        // A directory opens for reading with or without the flag, and is no file.
        let rights = wasi::RIGHTS_FD_READ | wasi::RIGHTS_FD_READDIR;
        let d = granted(wasi::path_open(ROOT, 0, "d", 0, rights, 0, 0));
        assert_eq!(refused(guests::read(d, 1)), wasi::ERRNO_BADF);
        close(d);
        for here in [".", "d/..", "d/.", "./d/../d", "/", "/d"] {
            close(guests::open_dir(here));
        }
        // The last name may be a link only when links are followed.
        granted(symlink("f", "l"));
        assert_eq!(wasi::path_open(ROOT, 0, "l", 0, rights, 0, 0), Err(ERRNO_LOOP));
        close(granted(open("l", 0)));
        assert_eq!(refused(open("l", OFLAGS_CREAT | OFLAGS_EXCL)), ERRNO_EXIST, "the link is in the way");
        // Creating through a dangling link makes its target.
        granted(symlink("made", "dangling"));
        close(granted(open("dangling", OFLAGS_CREAT)));
        assert_eq!(granted(guests::stat("made")).size, 0);
        // Relative to a file or to nothing.
        let f = granted(open("f", 0));
        assert_eq!(refused(open_at(f, "x", 0, 0)), ERRNO_NOTDIR);
        assert_eq!(refused(open_at(guests::NOBODY, "x", 0, 0)), wasi::ERRNO_BADF);
    }
}
