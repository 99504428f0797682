//! Files and directories with access for their owner only, for data directories with keys, jobs and results.

use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;

/// The bits of a mode that give access to others.
const OTHERS: u32 = 0o077;
/// In a directory with this bit, all users make files.
const STICKY: u32 = 0o1000;

/// Creates `dir` and its missing parents with access for the owner only.
///
/// # Errors
/// When one cannot be created.
pub fn create_dir_all(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Whether `metadata` is of something that belongs to the user of this process.
pub fn is_own(metadata: &Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw()
}

/// Removes access of other users to `path`, which may be missing. Returns whether it had any. Symbolic links,
/// hard-linked files, files of other users and world-writable directories are unchanged.
///
/// # Errors
/// When it cannot be changed.
pub fn tighten(path: &Path) -> io::Result<bool> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let (kind, mode) = (metadata.file_type(), metadata.mode());
    let is_plain = kind.is_dir() && mode & STICKY == 0 || kind.is_file() && metadata.nlink() == 1;
    if !is_plain || !is_own(&metadata) || mode & OTHERS == 0 {
        return Ok(false);
    }
    fs::set_permissions(path, Permissions::from_mode(mode & 0o7777 & !OTHERS)).map(|()| true)
}

/// Makes all new files of this process private, for a process that serves a data directory.
pub fn by_default() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(OTHERS));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_may_do_is_taken_away_from_own_files_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let mode = |name: &str| fs::metadata(path(name)).unwrap().mode() & 0o7777;
        create_dir_all(&path("a/b")).unwrap();
        assert_eq!((mode("a"), mode("a/b")), (0o700, 0o700));
        for (name, before, after) in [("file", 0o644, 0o600), ("linked", 0o644, 0o644), ("tool", 0o755, 0o700)] {
            fs::write(path(name), "").unwrap();
            fs::set_permissions(path(name), Permissions::from_mode(before)).unwrap();
            if name == "linked" {
                fs::hard_link(path(name), path("other")).unwrap();
            }
            assert_eq!(tighten(&path(name)).unwrap(), before != after, "{name}");
            assert_eq!(mode(name), after, "{name}");
        }
        std::os::unix::fs::symlink(path("linked"), path("link")).unwrap();
        assert!(!tighten(&path("link")).unwrap() && !tighten(&path("none")).unwrap());
        fs::set_permissions(path("a"), Permissions::from_mode(0o1777)).unwrap();
        assert!(!tighten(&path("a")).unwrap(), "as /tmp is");
    }
}
