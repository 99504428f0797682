//! Leaves in its output what would be awkward outside: names of devices, of flags, of the results directory itself,
//! names that differ in case only, links in and out, names at the limit.
use std::fs;

fn main() {
    for name in ["stdout", "exitCode", "-rf", "con", "a", "A", "ä", "a\u{308}", ".hidden", " ", "x y"] {
        fs::write(format!("/outputs/{name}"), name).unwrap();
    }
    fs::write(format!("/outputs/{}", "n".repeat(255)), "long").unwrap();
    fs::create_dir("/outputs/empty").unwrap();
    fs::create_dir("/outputs/dir").unwrap();
    fs::write("/outputs/dir/f", "f").unwrap();
    for (target, link) in [("/etc/passwd", "out"), ("dir", "in"), ("link-loop", "link-loop"), ("../..", "up")] {
        guests::granted(guests::symlink(target, &format!("outputs/{link}")));
    }
    guests::granted(guests::link("outputs/a", "outputs/hard"));
    // Names of one large file: two in the outputs, the first of all outside of them.
    fs::write("/aside", vec![b'x'; 3 << 20]).unwrap();
    guests::granted(guests::link("aside", "outputs/large"));
    guests::granted(guests::link("aside", "outputs/larger"));
    // And of a small one.
    fs::write("/small", "small").unwrap();
    guests::granted(guests::link("small", "outputs/small"));
}
