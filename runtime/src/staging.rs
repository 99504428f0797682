//! The directory in which a run works: beside its results, so that files are moved there and not copied. Made when it is
//! first needed, removed with all that is in it when the run is over in any way.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bacalhau_tree::HostFailure;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use tempfile::TempDir;

/// A place for directories that are not yet, or never, results.
#[derive(Debug)]
pub(crate) struct Staging {
    workplace: PathBuf,
    place: Mutex<Option<TempDir>>,
}

impl Staging {
    /// `workplace` is a directory on the file system on which the results will be.
    pub(crate) fn new(workplace: &Path) -> Self {
        let workplace = if workplace.as_os_str().is_empty() { Path::new(".") } else { workplace };
        Self { workplace: workplace.into(), place: Mutex::new(None) }
    }

    /// Makes a directory, and answers where it is for now.
    pub(crate) fn make(&self, name: &str) -> Result<(PathBuf, Dir), HostFailure> {
        let path = self.path()?.join(name);
        std::fs::create_dir(&path)
            .and_then(|()| Dir::open_ambient_dir(&path, ambient_authority()))
            .map(|dir| (path.clone(), dir))
            .map_err(|error| HostFailure::at("make", &path, error))
    }

    fn path(&self) -> Result<PathBuf, HostFailure> {
        // No code can panic while the lock is held.
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = &*place {
            return Ok(place.path().into());
        }
        let made = tempfile::Builder::new()
            .prefix(".bacalhau-run-")
            .tempdir_in(&self.workplace)
            .map_err(|error| HostFailure::at("make a working directory in", &self.workplace, error))?;
        Ok(place.insert(made).path().into())
    }
}
