//! Puts directories into each other until it may not, then tries to get deeper by renaming; says how deep it got.
use guests::{make_dir, refused, rename};
use wasi::{ERRNO_NAMETOOLONG, path_create_directory};

fn main() {
    let mut path = String::from("d");
    make_dir("d");
    let mut depth = 1;
    let errno = loop {
        path.push_str("/d");
        match unsafe { path_create_directory(guests::ROOT, &path) } {
            Ok(()) => depth += 1,
            Err(errno) => break errno,
        }
    };
    assert_eq!(errno, ERRNO_NAMETOOLONG);
    make_dir("tower");
    make_dir("tower/t");
    let parent = path.strip_suffix("/d").unwrap();
    assert_eq!(refused(rename("tower", &format!("{parent}/t"))), ERRNO_NAMETOOLONG);
    let grandparent = parent.strip_suffix("/d").unwrap();
    assert_eq!(refused(rename("tower", &format!("{grandparent}/t"))), ERRNO_NAMETOOLONG);
    make_dir(&format!("{grandparent}/t"));
    println!("{depth}");
}
