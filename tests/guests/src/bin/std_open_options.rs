//! Every combination of `OpenOptions` that programs use, and the kinds of error that Rust makes of the codes.
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};

fn main() -> std::io::Result<()> {
    let kind = |result: std::io::Result<File>| result.map(drop).unwrap_err().kind();
    assert_eq!(kind(File::open("/absent")), ErrorKind::NotFound);
    assert_eq!(kind(File::create("/absent/f")), ErrorKind::NotFound);
    File::create_new("/f")?.write_all(b"12345")?;
    assert_eq!(kind(File::create_new("/f")), ErrorKind::AlreadyExists);
    assert_eq!(kind(File::open("/f/x")), ErrorKind::NotADirectory);
    assert_eq!(kind(OpenOptions::new().write(true).open("/outputs")), ErrorKind::IsADirectory);

    let mut append = OpenOptions::new().append(true).open("/f")?;
    append.write_all(b"67")?;
    append.write_all(b"89")?;
    assert_eq!(fs::read("/f")?, b"123456789");
    OpenOptions::new().write(true).open("/f")?.write_all(b"ab")?;
    assert_eq!(fs::read("/f")?, b"ab3456789", "not truncated");
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open("/f")?;
    assert_eq!(file.read(&mut [0; 9])?, 0);
    file.set_len(3)?;
    assert_eq!(fs::read("/f")?, [0; 3]);

    // A file opened for one direction refuses the other.
    assert!(File::open("/f")?.write(b"x").is_err());
    assert!(File::create("/g")?.read(&mut [0; 1]).is_err());
    assert!(OpenOptions::new().read(true).append(true).create(true).open("/h")?.read(&mut [0; 1]).is_ok());
    // Two handles of one file; a clone is not supported by Rust in WASI.
    assert!(file.try_clone().is_err());
    Ok(())
}
