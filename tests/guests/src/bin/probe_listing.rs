//! Lists the tree of the inputs as the system hands it out: inode, kind, name.
use guests::{Entry, close, list, open_dir};

fn show(path: &str) {
    let fd = open_dir(path);
    for Entry { ino, kind, name, .. } in list(fd, 4096) {
        println!("{ino} {kind} {path}/{name}");
        if kind == wasi::FILETYPE_DIRECTORY.raw() && !name.starts_with('.') {
            show(&format!("{path}/{name}"));
        }
    }
    close(fd);
}

fn main() {
    show("inputs");
}
