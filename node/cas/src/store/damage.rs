//! Known damaged copies of blocks in a pack, by position. A file beside the pack shares them between processes; readers
//! append to it. It is a cache: missing lines are found again by reading, wrong lines cost a repeated fetch.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use super::{at, lock, remove};
use crate::DataError;
use bacalhau_files::temporary;

/// Maximum size of the file; a pack with so many bad copies is useless.
const MAX_BYTES: u64 = 64 << 20;

/// Damage of a pack.
#[derive(Debug)]
pub(super) struct Damage {
    path: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    places: BTreeSet<u64>,
    /// Size and time of the file that was read last.
    stamp: Option<(u64, SystemTime)>,
}

impl Damage {
    /// Reads the file at `path`, if it exists.
    pub(super) fn open(path: PathBuf) -> Self {
        let damage = Self { path, known: Mutex::default() };
        damage.refresh();
        damage
    }

    /// Whether the copy at `place` is damaged.
    pub(super) fn has(&self, place: u64) -> bool {
        lock(&self.known).places.contains(&place)
    }

    /// All damaged places, in their order.
    pub(super) fn places(&self) -> Vec<u64> {
        lock(&self.known).places.iter().copied().collect()
    }

    /// Records the copy at `place` as damaged. If the file cannot be written, this process still knows it.
    pub(super) fn note(&self, place: u64) {
        if lock(&self.known).places.insert(place) {
            let file = File::options().create(true).append(true).open(&self.path);
            // One write, which others do not interleave.
            let _ = file.and_then(|mut file| file.write_all(line(place).as_bytes()));
        }
    }

    /// Looks whether other processes have found more.
    pub(super) fn refresh(&self) {
        let Ok(metadata) = fs::metadata(&self.path) else { return };
        let stamp = metadata.modified().ok().map(|modified| (metadata.len(), modified));
        if stamp.is_none() || lock(&self.known).stamp == stamp || metadata.len() > MAX_BYTES {
            return;
        }
        let Ok(bytes) = fs::read(&self.path) else { return };
        let text = String::from_utf8_lossy(&bytes);
        let mut known = lock(&self.known);
        known.places.extend(text.lines().filter_map(parse));
        known.stamp = stamp;
    }

    /// These are damaged, and no others: all of the pack was read.
    pub(super) fn replace(&self, places: BTreeSet<u64>) -> Result<(), DataError> {
        let mut known = lock(&self.known);
        if known.places == places {
            return Ok(());
        }
        if places.is_empty() {
            remove(&self.path)?;
        } else {
            let write = || {
                let mut file = temporary::file_in(self.path.parent().unwrap_or(Path::new(".")))?;
                file.write_all(places.iter().map(|place| line(*place)).collect::<String>().as_bytes())?;
                file.persist(&self.path)?;
                Ok(())
            };
            write().map_err(|error| at("write", &self.path, error))?;
        }
        *known = Known { places, stamp: None };
        Ok(())
    }
}

fn line(place: u64) -> String {
    format!("{place:016x}\n")
}

/// The place that a whole line names.
fn parse(line: &str) -> Option<u64> {
    u64::from_str_radix(line, 16).ok().filter(|_| line.len() == 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_notes_others_know_and_torn_lines_count_for_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.bad");
        let (one, other) = (Damage::open(path.clone()), Damage::open(path.clone()));
        one.note(5);
        one.note(5);
        one.note(70);
        assert_eq!(fs::read_to_string(&path).unwrap(), "0000000000000005\n0000000000000046\n");
        assert!(!other.has(5));
        other.refresh();
        assert!(other.has(5) && other.has(70) && !other.has(6));
        File::options().append(true).open(&path).unwrap().write_all(b"0000\nx\n00000000000000ff").unwrap();
        assert_eq!(Damage::open(path.clone()).places(), [5, 70, 255]);
        one.replace(BTreeSet::from([9])).unwrap();
        assert_eq!(Damage::open(path.clone()).places(), [9]);
        one.replace(BTreeSet::new()).unwrap();
        assert!(!path.exists() && one.places().is_empty());
    }
}
