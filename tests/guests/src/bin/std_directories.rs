//! Making, walking and removing trees as Rust does it.
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

fn walk(path: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().file_type(), entry.file_type().unwrap());
        found.push(entry.path().display().to_string());
        if entry.file_type().unwrap().is_dir() {
            walk(&entry.path(), found);
        }
    }
}

fn main() -> std::io::Result<()> {
    // Programs take a place for temporary files for granted.
    assert_eq!(fs::read_dir("/tmp")?.count(), 0);
    fs::write("/tmp/scratch", "mine")?;
    fs::create_dir_all("/a/b/c")?;
    fs::create_dir_all("/a/b/c")?;
    assert_eq!(fs::create_dir("/a").unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::create_dir("/x/y").unwrap_err().kind(), ErrorKind::NotFound);
    for path in ["/a/2", "/a/10", "/a/b/f", "/a/b/c/g"] {
        fs::write(path, path)?;
    }
    let mut found = Vec::new();
    walk(Path::new("/a"), &mut found);
    assert_eq!(found, ["/a/10", "/a/2", "/a/b", "/a/b/c", "/a/b/c/g", "/a/b/f"]);

    assert_eq!(fs::remove_dir("/a").unwrap_err().raw_os_error(), Some(i32::from(wasi::ERRNO_NOTEMPTY.raw())));
    assert_eq!(fs::remove_file("/a/b").unwrap_err().kind(), ErrorKind::IsADirectory);
    fs::remove_dir_all("/a/b")?;
    assert!(!Path::new("/a/b").exists());
    fs::remove_dir_all("/a")?;
    assert_eq!(fs::read_dir("/a").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(fs::remove_dir_all("/a").unwrap_err().kind(), ErrorKind::NotFound);

    // Deep and wide at once.
    for n in 0..200 {
        fs::create_dir_all(format!("/t/{}/{n}", n % 7))?;
        fs::write(format!("/t/{}/{n}/f", n % 7), "")?;
    }
    fs::remove_dir_all("/t")?;
    assert!(!Path::new("/t").exists());
    Ok(())
}
