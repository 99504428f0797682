//! An input as a program meets it: it can be read and copied, and every way of changing it fails with a clear kind.
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read};

fn main() -> std::io::Result<()> {
    assert_eq!(fs::read_to_string("/inputs/f")?, "input\n");
    let mut text = String::new();
    File::open("inputs/dir/g")?.read_to_string(&mut text)?;
    assert_eq!(text, "deeper\n");
    let refusals = [
        fs::write("/inputs/f", "x"),
        fs::write("/inputs/new", "x"),
        fs::create_dir("/inputs/new"),
        fs::create_dir_all("/inputs/dir/a/b"),
        fs::remove_file("/inputs/f"),
        fs::remove_dir("/inputs/dir"),
        fs::remove_dir_all("/inputs/dir"),
        fs::rename("/inputs/f", "/inputs/h"),
        OpenOptions::new().append(true).open("/inputs/f").map(drop),
        OpenOptions::new().read(true).write(true).open("/inputs/f").map(drop),
    ];
    for (n, refusal) in refusals.into_iter().enumerate() {
        assert_eq!(refusal.unwrap_err().kind(), ErrorKind::ReadOnlyFilesystem, "number {n}");
    }
    fs::copy("/inputs/f", "/outputs/f")?;
    fs::write("/outputs/f", "mine now")?;
    assert_eq!(fs::read_to_string("/inputs/f")?, "input\n");
    Ok(())
}
