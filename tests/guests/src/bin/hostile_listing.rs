//! Makes a big directory and reads its listing again and again from the start: work of the host must cost fuel.
use guests::{granted, list_once, make_dir, open_dir, put};

fn main() {
    make_dir("d");
    for n in 0..1000 {
        put(&format!("d/{n}"), b"");
    }
    let fd = open_dir("d");
    loop {
        granted(list_once(fd, 64, 0));
    }
}
