//! Hard links of Rust, and symbolic ones read back through it.
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

fn main() -> std::io::Result<()> {
    fs::create_dir("/d")?;
    fs::write("/d/f", "content")?;
    fs::hard_link("/d/f", "/hard")?;
    fs::write("/hard", "changed")?;
    assert_eq!(fs::read_to_string("/d/f")?, "changed");
    fs::remove_file("/d/f")?;
    assert_eq!(fs::read_to_string("/hard")?, "changed");
    assert!(fs::hard_link("/d", "/d2").is_err());

    guests::granted(guests::symlink("../hard", "d/soft"));
    assert_eq!(fs::read_link("/d/soft")?, Path::new("../hard"));
    assert_eq!(fs::read_to_string("/d/soft")?, "changed");
    assert!(fs::symlink_metadata("/d/soft")?.file_type().is_symlink());
    assert!(fs::metadata("/d/soft")?.is_file());
    guests::granted(guests::symlink("nowhere", "dangling"));
    assert_eq!(fs::metadata("/dangling").unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!Path::new("/dangling").exists());
    assert!(fs::symlink_metadata("/dangling").is_ok());
    guests::granted(guests::symlink("/d", "to-dir"));
    assert_eq!(fs::read_dir("/to-dir")?.count(), 1);
    // Removing a tree removes links in it, not what they lead to.
    fs::remove_dir_all("/d")?;
    assert_eq!(fs::read_to_string("/hard")?, "changed");
    assert_eq!(fs::read_link("/hard").unwrap_err().kind(), ErrorKind::InvalidInput);
    Ok(())
}
