//! Lengths, kinds and times as Rust tells them, and times as it sets them.
use std::fs::{self, File, FileTimes};
use std::time::{Duration, SystemTime};

fn main() -> std::io::Result<()> {
    fs::create_dir("/d")?;
    fs::write("/d/f", "12345")?;
    let file = fs::metadata("/d/f")?;
    assert!(file.is_file() && !file.is_dir() && !file.is_symlink());
    assert_eq!(file.len(), 5);
    let dir = fs::metadata("/d")?;
    assert!(dir.is_dir());
    assert_eq!(dir.len(), 0);
    let now = SystemTime::now();
    assert_eq!(file.modified()?, now);
    assert_eq!(file.accessed()?, now);
    assert_eq!(File::open("/d/f")?.metadata()?.modified()?, now);
    assert!(File::open("/d")?.metadata()?.is_dir());

    let handle = File::options().write(true).open("/d/f")?;
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_nanos(123_456_789_012);
    handle.set_times(FileTimes::new().set_modified(long_ago).set_accessed(long_ago))?;
    assert_eq!(fs::metadata("/d/f")?.modified()?, long_ago);
    handle.set_modified(now)?;
    assert_eq!(fs::metadata("/d/f")?.modified()?, now);
    assert_eq!(fs::metadata("/d/f")?.accessed()?, long_ago);
    std::thread::sleep(Duration::from_secs(10));
    fs::write("/d/f", "6")?;
    assert!(fs::metadata("/d/f")?.modified()? >= now + Duration::from_secs(10));
    Ok(())
}
