//! Inputs can only be read; the places of inputs and outputs cannot be removed or renamed. `/inputs` holds `f` and
//! `dir/g`; `/data/one.txt` is an input that is a file.
use guests::{
    ROOT, get, granted, link, make_dir, names, open, open_dir, open_to_read, put, refused, remove_dir, rename, symlink,
    unlink,
};
use wasi::{ERRNO_BUSY, ERRNO_EXIST, ERRNO_ROFS, ERRNO_XDEV, FSTFLAGS_MTIM, OFLAGS_CREAT, OFLAGS_EXCL, OFLAGS_TRUNC};

fn main() {
    unsafe {
        assert_eq!(get("/inputs/f"), b"input\n");
        assert_eq!(get("inputs/dir/g"), b"deeper\n");
        assert_eq!(names("inputs"), ["dir", "f"]);
        assert_eq!(refused(wasi::path_open(ROOT, 0, "inputs/f", 0, wasi::RIGHTS_FD_WRITE, 0, 0)), ERRNO_ROFS);
        assert_eq!(refused(open("inputs/f", OFLAGS_TRUNC)), ERRNO_ROFS);
        assert_eq!(refused(open("inputs/new", OFLAGS_CREAT)), ERRNO_ROFS);
        assert_eq!(refused(open("inputs/dir/new", OFLAGS_CREAT)), ERRNO_ROFS);
        assert_eq!(refused(open("inputs/f", OFLAGS_CREAT | OFLAGS_EXCL)), ERRNO_EXIST);
        assert_eq!(refused(wasi::path_create_directory(ROOT, "inputs/new")), ERRNO_ROFS);
        assert_eq!(refused(symlink("f", "inputs/l")), ERRNO_ROFS);
        assert_eq!(refused(unlink("inputs/f")), ERRNO_ROFS);
        assert_eq!(refused(remove_dir("inputs/dir")), ERRNO_ROFS);
        assert_eq!(refused(rename("inputs/f", "inputs/h")), ERRNO_ROFS);
        assert_eq!(refused(link("inputs/f", "inputs/h")), ERRNO_ROFS);
        assert_eq!(refused(wasi::path_filestat_set_times(ROOT, 0, "inputs/f", 0, 1, FSTFLAGS_MTIM)), ERRNO_ROFS);
        let fd = granted(open_to_read("inputs/f"));
        assert_eq!(refused(guests::write(fd, b"x")), wasi::ERRNO_BADF);
        assert_eq!(refused(wasi::fd_filestat_set_times(fd, 0, 1, FSTFLAGS_MTIM)), ERRNO_ROFS);
        let dir = open_dir("inputs/dir");
        assert_eq!(refused(guests::open_at(dir, "new", OFLAGS_CREAT, 0)), ERRNO_ROFS);

        put("own", b"");
        make_dir("own_dir");
        assert_eq!(refused(rename("inputs/f", "own2")), ERRNO_ROFS);
        assert_eq!(refused(rename("own", "inputs/own")), ERRNO_ROFS);
        assert_eq!(refused(link("inputs/f", "own2")), ERRNO_XDEV);
        assert_eq!(refused(link("own", "inputs/own")), ERRNO_ROFS);
        // A link into an input is an ordinary link, and an output is an ordinary directory of the same file system.
        granted(symlink("/inputs/dir/g", "l"));
        assert_eq!(get("l"), b"deeper\n");
        granted(rename("own", "outputs/own"));
        granted(link("outputs/own", "own"));

        for mount in ["inputs", "/outputs"] {
            assert_eq!(refused(rename(mount, "moved")), ERRNO_BUSY, "{mount}");
            assert_eq!(refused(rename("own_dir", mount)), ERRNO_BUSY, "{mount}");
            assert_eq!(refused(remove_dir(mount)), ERRNO_BUSY, "{mount}");
        }
        // A file that is an input stays in its place too, in a directory that is the program's own.
        assert_eq!(get("/data/one.txt"), b"one\n");
        put("data/own", b"");
        assert_eq!(refused(open("data/one.txt", OFLAGS_TRUNC)), ERRNO_ROFS);
        assert_eq!(refused(rename("data/one.txt", "data/two.txt")), ERRNO_BUSY);
        assert_eq!(refused(rename("data/own", "data/one.txt")), ERRNO_BUSY);
        assert_eq!(refused(unlink("data/one.txt")), ERRNO_BUSY);
        assert_eq!(refused(link("data/one.txt", "data/two.txt")), ERRNO_XDEV);
        assert_eq!(refused(rename("data", "moved")), ERRNO_BUSY);
        assert_eq!(get("/data/one.txt"), b"one\n");
    }
}
