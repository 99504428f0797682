//! Removes leftovers of killed processes: entries with a temporary name and no lock.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};

use super::scrub::scrub_until;
use super::{PREFIX, PRIVATE, is_at};

/// Names of a directory that are looked at.
const MAX_NAMES: usize = 100_000;
/// Maximum duration of a sweep; the next one continues.
const LONGEST: Duration = Duration::from_secs(2);
/// Mode bits by which others can write.
const OTHERS_WRITE: u32 = 0o022;
/// Directories that are remembered as swept.
const MAX_SWEPT: usize = 1024;

static SWEPT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Sweeps `dir`, unless this process has done so before.
pub(super) fn once(dir: &Path) {
    let Ok(dir) = std::path::absolute(dir) else { return };
    let is_new = {
        let mut swept = SWEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if swept.len() >= MAX_SWEPT {
            swept.clear();
        }
        swept.insert(dir.clone())
    };
    if is_new {
        sweep(&dir);
    }
}

/// Removes unowned entries from `dir` for at most two seconds, and returns their number. Entries that cannot be removed
/// remain for a later attempt.
pub fn sweep(dir: &Path) -> usize {
    let deadline = Instant::now() + LONGEST;
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let names = entries.take(MAX_NAMES).flatten().map(|entry| entry.file_name());
    let ours = names.filter(|name| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()));
    ours.filter(|name| matches!(remove(&dir.join(name), deadline), Ok(true))).count()
}

/// Whether it belongs to the user of this process, and no other user can change it.
fn is_only_ours(metadata: &Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & OTHERS_WRITE == 0
}

/// Whether it was left, and is removed.
fn remove(path: &Path, deadline: Instant) -> io::Result<bool> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(open(path, flags, Mode::empty())?);
    // Held until the removal is complete, so that its creator notices the sweep.
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    if !is_at(&file, path)? {
        return Ok(false);
    }
    let metadata = file.metadata()?;
    if !is_only_ours(&metadata) {
        return Ok(false);
    }
    if metadata.is_dir() {
        // By handle, so that no other entry is changed. From now on no other user has access.
        file.set_permissions(Permissions::from_mode(PRIVATE))?;
        return scrub_until(path, deadline);
    }
    fs::remove_file(path)?;
    Ok(true)
}
