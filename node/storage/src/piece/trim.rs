//! Bounds what is kept of pieces: above the maximum, directories of pieces that were not used for the longest time go first.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Maximum size of all directories in bytes: layers of 100 TiB of pieces take 3 GiB.
pub(super) const MAX_BYTES: u64 = 4 << 30;
/// A directory that was used since then stays: a run may be reading the piece.
const RECENT: Duration = Duration::from_hours(24);

/// A directory of a piece.
struct Directory {
    path: PathBuf,
    bytes: u64,
    /// Modification time of its newest file; a use sets it.
    used: SystemTime,
}

/// Removes directories below `dirs` until they have at most `max_bytes`, the longest unused first. Those that were used
/// recently before `now` stay, and those without a file of one of these `names`.
pub(super) fn trim(dirs: &[PathBuf], names: &[&str], max_bytes: u64, now: SystemTime) {
    let mut known: Vec<Directory> = dirs.iter().filter_map(|dir| list(dir, names).ok()).flatten().collect();
    let mut bytes: u64 = known.iter().map(|directory| directory.bytes).sum();
    known.sort_by_key(|directory| directory.used);
    for Directory { path, bytes: own, used } in known {
        let is_recent = now.duration_since(used).is_ok_and(|age| age < RECENT) || used > now;
        if bytes <= max_bytes || is_recent {
            return;
        }
        match fs::remove_dir_all(&path) {
            Ok(()) => bytes -= own,
            Err(error) => tracing::warn!("{} was not removed: {error}", path.display()),
        }
    }
}

/// The directories of pieces in `dir`.
fn list(dir: &Path, names: &[&str]) -> io::Result<Vec<Directory>> {
    let mut directories = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        // Another process may remove it meanwhile.
        directories.extend(measure(path, names).ok().flatten());
    }
    Ok(directories)
}

/// `None` for what is not the directory of a piece.
fn measure(path: PathBuf, names: &[&str]) -> io::Result<Option<Directory>> {
    let (mut bytes, mut used) = (0, None);
    if !names.iter().any(|name| path.join(name).is_file()) {
        return Ok(None);
    }
    for file in fs::read_dir(&path)? {
        let metadata = file?.metadata()?;
        if metadata.is_file() {
            bytes += metadata.len();
            used = used.max(Some(metadata.modified()?));
        }
    }
    Ok(used.map(|used| Directory { path, bytes, used }))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn the_longest_unused_goes_first_and_what_is_in_use_stays() {
        let dir = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let hour = Duration::from_hours(1);
        for (name, hours) in [("b", 50), ("a", 100), ("c", 30), ("d", 1)] {
            fs::create_dir(dir.path().join(name)).unwrap();
            fs::write(dir.path().join(name).join("tree"), [0; 100]).unwrap();
            let file = File::options().write(true).open(dir.path().join(name).join("tree")).unwrap();
            file.set_modified(now - hour * hours).unwrap();
        }
        fs::create_dir(dir.path().join("checked")).unwrap();
        fs::write(dir.path().join("checked/proof"), [0; 1000]).unwrap();
        fs::write(dir.path().join("file"), [0; 1000]).unwrap();
        let left = |max_bytes| {
            trim(&[dir.path().into(), dir.path().join("none")], &["tree"], max_bytes, now);
            let mut names: Vec<_> = fs::read_dir(dir.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names.join(" ")
        };
        assert_eq!(left(400), "a b c checked d file");
        assert_eq!(left(399), "b c checked d file");
        assert_eq!(left(201), "c checked d file");
        assert_eq!(left(0), "checked d file");
    }
}
