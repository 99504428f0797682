//! Reserves a tebibyte.
use guests::{granted, open};

fn main() {
    let fd = granted(open("outputs/big", wasi::OFLAGS_CREAT));
    granted(unsafe { wasi::fd_allocate(fd, 0, 1 << 40) });
    println!("survived");
}
