//! Gives one file ever more names, by hard and symbolic links in turn.
use guests::{granted, link, put, symlink};

fn main() {
    put("f", b"");
    for n in 0_u64.. {
        granted(if n % 2 == 0 { link("f", &n.to_string()) } else { symlink("f", &n.to_string()) });
    }
}
