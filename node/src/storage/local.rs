//! Directories and files of this machine. Read in place: opening 10 GiB costs as much as opening nothing.

use std::io;
use std::path::Path;
use std::sync::Arc;

use bacalhau_runtime::{Checked, HostFailure, HostTree};

use super::{Opened, Source, Storage, foreign};

/// The storage of [`Source::Path`].
#[derive(Clone, Copy, Debug)]
pub struct LocalStorage;

impl Storage for LocalStorage {
    fn name(&self) -> &'static str {
        "local"
    }

    fn has_locally(&self, source: &Source) -> Result<bool, HostFailure> {
        let path = path_of(source)?;
        path.try_exists().map_err(|error| HostFailure::at("look at", path, error))
    }

    fn size(&self, source: &Source) -> Result<Option<u64>, HostFailure> {
        let path = path_of(source)?;
        size_of(path).map(Some).map_err(|error| HostFailure::at("measure", path, error))
    }

    fn open(&self, source: &Source) -> Result<Opened, HostFailure> {
        let path = path_of(source)?;
        let tree = HostTree::open(path).map_err(|error| HostFailure::at("open", path, error))?;
        Ok(Opened::by("local", path.display().to_string(), Checked::Hashed, Arc::new(tree)))
    }
}

fn path_of(source: &Source) -> Result<&Path, HostFailure> {
    match source {
        Source::Path(path) => Ok(path),
        _ => Err(foreign(source, "local paths")),
    }
}

/// All files below `path`; links count as their own length and are not followed.
pub(super) fn size_of(path: &Path) -> io::Result<u64> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    let mut total = 0;
    let mut pending = vec![path.to_path_buf()];
    while let Some(dir) = pending.pop() {
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                pending.push(entry.path());
            } else {
                total += metadata.len();
            }
        }
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_directory_and_a_file_are_opened_in_place() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("sub/a"), "hello world").unwrap();
        fs::write(dir.path().join("b"), "1").unwrap();
        let source = Source::Path(dir.path().into());
        assert!(LocalStorage.has_locally(&source).unwrap());
        assert_eq!(LocalStorage.size(&source).unwrap(), Some(12));
        assert_eq!(LocalStorage.open(&source).unwrap().tree.stat("sub/a").unwrap().size, 11);
        let file = Source::Path(dir.path().join("sub/a"));
        assert_eq!(LocalStorage.size(&file).unwrap(), Some(11));
        assert_eq!(LocalStorage.open(&file).unwrap().tree.stat("").unwrap().size, 11);
    }

    #[test]
    fn what_went_away_is_a_host_failure_that_names_the_path() {
        let source = Source::Path("/no/such/place".into());
        assert!(!LocalStorage.has_locally(&source).unwrap());
        assert!(LocalStorage.size(&source).unwrap_err().to_string().contains("/no/such/place"));
        assert!(LocalStorage.open(&source).unwrap_err().to_string().contains("cannot open /no/such/place"));
        assert!(LocalStorage.open(&Source::parse("http://x/y").unwrap()).is_err());
    }
}
