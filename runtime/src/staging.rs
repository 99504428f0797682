//! The directory in which a run works: beside its results, so that files are moved there and not copied. Made when it is
//! first needed, removed with all that is in it when the run is over in any way.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bacalhau_tree::HostFailure;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

/// Names of a working directory that may be in use already.
const MOST_TRIES: usize = 16;

/// A place for directories that are not yet, or never, results.
#[derive(Debug)]
pub(crate) struct Staging {
    workplace: PathBuf,
    place: Mutex<Option<OwnDir>>,
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
            return Ok(place.0.clone());
        }
        let made = OwnDir::make_in(&self.workplace)
            .map_err(|error| HostFailure::at("make a working directory in", &self.workplace, error))?;
        Ok(place.insert(made).0.clone())
    }
}

/// A new directory, open to its owner only and removed with all that is in it when this is dropped.
#[derive(Debug)]
struct OwnDir(PathBuf);

impl OwnDir {
    fn make_in(workplace: &Path) -> io::Result<Self> {
        // The process may change its directory.
        let workplace = std::path::absolute(workplace)?;
        let mut tries = 0;
        loop {
            let path = workplace.join(format!(".bacalhau-run-{:016x}", random()?));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < MOST_TRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for OwnDir {
    fn drop(&mut self) {
        // What cannot be removed is left: the run has ended, and its outcome is known.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A number for a name that no other process chooses.
fn random() -> io::Result<u64> {
    let mut bytes = [0; 8];
    #[expect(clippy::disallowed_methods, reason = "the name of a directory of the host, which no program sees")]
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(u64::from_le_bytes(bytes))
}
