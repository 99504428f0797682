//! What `stat` says of everything in the inputs.
fn show(path: &str) {
    let stat = guests::granted(guests::link_stat(path));
    let kind = stat.filetype.raw();
    println!(
        "{path}: dev {} ino {} kind {kind} nlink {} size {} times {} {} {}",
        stat.dev, stat.ino, stat.nlink, stat.size, stat.atim, stat.mtim, stat.ctim
    );
    if kind == wasi::FILETYPE_DIRECTORY.raw() {
        for name in guests::names(path) {
            show(&format!("{path}/{name}"));
        }
    }
}

fn main() {
    show("/inputs");
}
