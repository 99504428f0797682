//! State of files and directories of the host at first access, compared at the end of a run.

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cap_std::fs::{Metadata, MetadataExt};

/// Paths that are taken from the list at a time, so that it is not locked while files are looked at.
const BATCH: usize = 1024;

/// Changes when the content of a file or the names in a directory do: its number, its length, and seconds and nanoseconds of
/// its last changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// The stamps of a tree, by path.
#[derive(Debug, Default)]
pub(super) struct Stamps(Mutex<BTreeMap<String, Stamp>>);

impl Stamps {
    /// Records or compares the state at `path`.
    pub(super) fn see(&self, path: &str, found: &Metadata) -> io::Result<()> {
        let stamp = Stamp::of(found);
        let mut known = self.known();
        match known.get(path) {
            None => {
                known.insert(path.into(), stamp);
                Ok(())
            }
            Some(known) if *known == stamp => Ok(()),
            Some(_) => Err(changed(path)),
        }
    }

    /// Whether `look` finds everything as it was.
    pub(super) fn check_all(&self, look: impl Fn(&str) -> io::Result<Metadata>) -> io::Result<()> {
        let mut from = Bound::Unbounded;
        loop {
            let batch: Vec<(String, Stamp)> = {
                let known = self.known();
                let rest = known.range::<str, _>((from.as_ref().map(String::as_str), Bound::Unbounded));
                rest.take(BATCH).map(|(path, stamp)| (path.clone(), *stamp)).collect()
            };
            for (path, stamp) in &batch {
                let found = look(path).map_err(|error| {
                    io::Error::new(error.kind(), format!("{path:?} cannot be looked at any more: {error}"))
                })?;
                if Stamp::of(&found) != *stamp {
                    return Err(changed(path));
                }
            }
            let Some((last, _)) = batch.into_iter().last() else { return Ok(()) };
            from = Bound::Excluded(last);
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Stamp>> {
        // A panic cannot leave the state inconsistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn changed(path: &str) -> io::Error {
    let what = if path.is_empty() { "it".into() } else { format!("{path:?}") };
    io::Error::other(format!("{what} was changed while the job ran; run the job again when it is not being written"))
}
