//! Opens files until it may not, closes one, opens it again; says how many were open.
use guests::{close, granted, open, put, refused};

fn main() {
    put("f", b"");
    let mut last = 3;
    let errno = loop {
        match open("f", 0) {
            Ok(fd) => last = fd,
            Err(errno) => break errno,
        }
    };
    assert_eq!(errno, wasi::ERRNO_MFILE);
    assert_eq!(refused(open("new", wasi::OFLAGS_CREAT)), wasi::ERRNO_MFILE);
    assert_eq!(guests::stat("new").err(), Some(wasi::ERRNO_NOENT), "a refused open makes nothing");
    close(last);
    assert_eq!(granted(open("f", 0)), last);
    println!("{}", last + 1);
}
