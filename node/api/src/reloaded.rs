//! A value of files that is read again when they change: a renewed certificate, a revoked token.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bacalhau_tree::HostFailure;

/// How often the files are looked at, at most.
const INTERVAL: Duration = Duration::from_secs(1);

/// A value and the files that it is read from. While the files cannot be read or are invalid, the last valid value stays.
pub struct Reloaded<T> {
    files: Vec<PathBuf>,
    read: Box<dyn Fn() -> Result<T, HostFailure> + Send + Sync>,
    state: Mutex<State<T>>,
}

struct State<T> {
    looked: Instant,
    versions: Vec<Option<Version>>,
    value: Arc<T>,
}

/// Changes with each change of a file or of its mode, and when another file takes its place.
#[derive(PartialEq, Eq)]
struct Version {
    file: (u64, u64),
    changed: (i64, i64),
}

impl<T> Reloaded<T> {
    /// The value that `read` makes of `files`.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn new(
        files: Vec<PathBuf>,
        read: impl Fn() -> Result<T, HostFailure> + Send + Sync + 'static,
    ) -> Result<Self, HostFailure> {
        // Before reading: a change meanwhile is seen later.
        let versions = versions(&files);
        let value = Arc::new(read()?);
        let state = Mutex::new(State { looked: Instant::now(), versions, value });
        Ok(Self { files, read: Box::new(read), state })
    }

    /// The current value.
    pub(super) fn get(&self) -> Arc<T> {
        self.get_at(Instant::now())
    }

    fn get_at(&self, now: Instant) -> Arc<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(state.looked) < INTERVAL {
            return Arc::clone(&state.value);
        }
        state.looked = now;
        let versions = versions(&self.files);
        if versions != state.versions {
            state.versions = versions;
            match (self.read)() {
                Ok(value) => {
                    state.value = Arc::new(value);
                    tracing::info!("read {} again", self.names());
                }
                Err(failure) => tracing::warn!("{failure}; the API continues with what it read before"),
            }
        }
        Arc::clone(&state.value)
    }

    fn names(&self) -> String {
        let names: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
        names.join(" and ")
    }
}

fn versions(files: &[PathBuf]) -> Vec<Option<Version>> {
    let version = |file: &PathBuf| {
        let stat = fs::metadata(file).ok()?;
        Some(Version { file: (stat.dev(), stat.ino()), changed: (stat.ctime(), stat.ctime_nsec()) })
    };
    files.iter().map(version).collect()
}

/// Prints the files, not the value.
impl<T> fmt::Debug for Reloaded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloaded").field("files", &self.files).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A number in a file, and how often it was read.
    fn number(file: PathBuf) -> (Reloaded<u32>, Arc<AtomicUsize>) {
        let reads = Arc::new(AtomicUsize::new(0));
        let (counted, path) = (Arc::clone(&reads), file.clone());
        let read = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            let text = fs::read_to_string(&path).map_err(|error| HostFailure::at("read", &path, error))?;
            text.trim().parse().map_err(|_| HostFailure::new("not a number"))
        };
        (Reloaded::new(vec![file], read).unwrap(), reads)
    }

    #[test]
    fn a_changed_file_is_read_once_and_an_invalid_one_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("number");
        fs::write(&file, "1").unwrap();
        let (value, reads) = number(file.clone());
        let later = |seconds| Instant::now() + Duration::from_secs(seconds);
        // Another file takes its place, as renewals do.
        let replace = |text: &str| {
            fs::write(dir.path().join("new"), text).unwrap();
            fs::rename(dir.path().join("new"), &file).unwrap();
        };
        assert_eq!(*value.get_at(later(10)), 1);
        replace("2");
        assert_eq!(*value.get_at(later(10)), 1, "it is not looked at twice within a second");
        assert_eq!(*value.get_at(later(20)), 2);
        replace("two");
        assert_eq!(*value.get_at(later(30)), 2, "invalid");
        fs::remove_file(&file).unwrap();
        assert_eq!(*value.get_at(later(40)), 2, "removed");
        assert_eq!(*value.get_at(later(50)), 2);
        assert_eq!(reads.load(Ordering::Relaxed), 4, "once for each change");
        replace("3");
        assert_eq!(*value.get_at(later(60)), 3);
    }
}
