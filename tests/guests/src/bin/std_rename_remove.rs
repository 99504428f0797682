//! Renaming and removing files as Rust does it; what is open stays usable.
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::Path;

fn main() -> std::io::Result<()> {
    fs::write("/a", "a")?;
    fs::write("/b", "b")?;
    fs::rename("/a", "/b")?;
    assert_eq!(fs::read_to_string("/b")?, "a");
    assert!(!Path::new("/a").try_exists()?);
    fs::create_dir("/d")?;
    fs::rename("/b", "/d/b")?;
    fs::rename("/d", "/e")?;
    assert_eq!(fs::read_to_string("/e/b")?, "a");
    assert_eq!(fs::rename("/e", "/e/inside").unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(fs::rename("/absent", "/x").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(fs::remove_file("/absent").unwrap_err().kind(), ErrorKind::NotFound);

    // The classic of a temporary file: made, unlinked, used.
    let mut file = File::options().read(true).write(true).create_new(true).open("/tmp-file")?;
    fs::remove_file("/tmp-file")?;
    file.write_all(b"still here")?;
    file.rewind()?;
    let mut content = String::new();
    file.read_to_string(&mut content)?;
    assert_eq!(content, "still here");
    // And of an atomic replacement.
    fs::write("/config", "old")?;
    let mut old = File::open("/config")?;
    fs::write("/config.new", "new")?;
    fs::rename("/config.new", "/config")?;
    assert_eq!(fs::read_to_string("/config")?, "new");
    content.clear();
    old.read_to_string(&mut content)?;
    assert_eq!(content, "old");
    Ok(())
}
