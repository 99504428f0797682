//! Lengthens and cuts a file by a mebibyte, for ever: zeros that the host has to write must cost fuel.
use guests::{granted, open};

fn main() {
    let fd = granted(open("f", wasi::OFLAGS_CREAT));
    loop {
        for size in [1 << 20, 0] {
            granted(unsafe { wasi::fd_filestat_set_size(fd, size) });
        }
    }
}
