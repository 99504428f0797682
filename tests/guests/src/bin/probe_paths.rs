//! `/inputs/x` and `inputs/x` are the same file, and so is every other way to write it.
fn main() {
    let paths =
        ["/inputs/x", "inputs/x", "./inputs/x", "//inputs//x", "/inputs/./x", "inputs/../inputs/x", "/./inputs/x"];
    let inodes = paths.map(|path| {
        assert_eq!(std::fs::read_to_string(path).unwrap(), "content of x\n", "{path}");
        guests::granted(guests::stat(path)).ino
    });
    assert!(inodes.iter().all(|ino| *ino == inodes[0]), "{inodes:?}");
    std::env::set_current_dir("/inputs").unwrap();
    assert_eq!(std::fs::read_to_string("x").unwrap(), "content of x\n");
}
