//! Removes a directory tree of any depth and with any modes, as a guest program may create it.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Removes the unchanging directory `dir` with its content. Does not follow links. A missing directory is not an error.
///
/// # Errors
/// When an entry cannot be removed.
pub fn scrub(dir: &Path) -> io::Result<()> {
    // Nearly always that is all.
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => flatten(dir, None).map(drop),
        _ => Ok(()),
    }
}

/// As [`scrub`], until `deadline`. Returns whether everything was removed.
pub(super) fn scrub_until(dir: &Path, deadline: Instant) -> io::Result<bool> {
    flatten(dir, Some(deadline))
}

/// Moves every directory to the top before descending, so that neither path lengths nor open files grow. Returns false
/// at the deadline.
fn flatten(top: &Path, deadline: Option<Instant>) -> io::Result<bool> {
    let mut moved: u64 = 0;
    let mut pending = vec![top.to_path_buf()];
    while let Some(dir) = pending.pop() {
        fs::set_permissions(&dir, Permissions::from_mode(0o700))?;
        let entries = fs::read_dir(&dir)?.collect::<io::Result<Vec<_>>>()?;
        for entry in entries {
            if deadline.is_some_and(|deadline| Instant::now() > deadline) {
                return Ok(false);
            }
            if !entry.file_type()?.is_dir() {
                fs::remove_file(entry.path())?;
                continue;
            }
            if dir == top {
                pending.push(entry.path());
                continue;
            }
            // To change where it is, it has to be writable too.
            fs::set_permissions(entry.path(), Permissions::from_mode(0o700))?;
            let place = free_place(top, &mut moved)?;
            fs::rename(entry.path(), &place)?;
            pending.push(place);
        }
        if dir != top {
            fs::remove_dir(&dir)?;
        }
    }
    fs::remove_dir(top).map(|()| true)
}

fn free_place(top: &Path, moved: &mut u64) -> io::Result<PathBuf> {
    loop {
        let place = top.join(format!(".scrub-{moved}"));
        *moved += 1;
        match place.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(place),
            Err(error) => return Err(error),
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deep_and_the_closed_go_and_what_links_lead_to_stays() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("kept"), "").unwrap();
        let top = dir.path().join("top");
        let mut deep = top.clone();
        for name in [".scrub-0", "closed", "c"] {
            deep.push(name);
        }
        fs::create_dir_all(&deep).unwrap();
        std::os::unix::fs::symlink(dir.path(), deep.join("out")).unwrap();
        fs::set_permissions(top.join(".scrub-0/closed"), Permissions::from_mode(0o0)).unwrap();
        flatten(&top, None).unwrap();
        assert!(!top.exists() && dir.path().join("kept").exists());
        scrub(&top).expect("nothing is there");
        fs::create_dir_all(top.join("d")).unwrap();
        assert!(!scrub_until(&top, Instant::now()).unwrap() && top.exists(), "it goes on another time");
        assert!(scrub_until(&top, Instant::now() + std::time::Duration::from_mins(1)).unwrap() && !top.exists());
        // Deeper than there are files that may be open, and than a path can be long.
        fs::create_dir(&top).unwrap();
        for _ in 0..3000 {
            let inner = dir.path().join("inner");
            fs::create_dir(&inner).unwrap();
            fs::rename(&top, inner.join("d")).unwrap();
            fs::rename(&inner, &top).unwrap();
        }
        flatten(&top, None).unwrap();
        assert!(!top.exists());
    }
}
