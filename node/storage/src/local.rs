//! Local directories and files, all or only below allowed directories. Read in place: opening is cheap at any size.

use std::borrow::Cow;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use bacalhau_receipt::Checked;
use bacalhau_tree::{HostFailure, HostTree};

use super::{Opened, Source, Storage, foreign};

/// The storage of [`Source::Path`].
#[derive(Clone, Debug, Default)]
pub struct LocalStorage {
    allowed: Option<Vec<PathBuf>>,
}

impl LocalStorage {
    /// Only paths below these directories, with links resolved, for untrusted jobs.
    pub fn below(allowed: Vec<PathBuf>) -> Self {
        Self { allowed: Some(allowed) }
    }

    /// The path of `source` as it may be opened.
    fn path<'s>(&self, source: &'s Source) -> Result<Cow<'s, Path>, HostFailure> {
        let Source::Path(path) = source else { return Err(foreign(source, "local paths")) };
        let Some(allowed) = &self.allowed else { return Ok(path.into()) };
        // The checked path is the opened one, with links resolved. Existence of other paths must not leak, so broken
        // links are reported only below an allowed directory.
        let below = |path: &Path, dir: &PathBuf| dir.canonicalize().is_ok_and(|dir| path.starts_with(dir));
        let plain = path.components().all(|part| part != Component::ParentDir);
        match if allowed.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { path.canonicalize() } {
            Ok(real) if allowed.iter().any(|dir| below(&real, dir)) => Ok(real.into()),
            Err(error) if plain && allowed.iter().any(|dir| path.starts_with(dir) || below(path, dir)) => {
                Err(HostFailure::at("follow", path, error))
            }
            _ => {
                let why = "is not below a path of --allow-listed-local-paths";
                Err(HostFailure::new(format!("{} {why}", path.display())))
            }
        }
    }

    /// Checks that `source` may be read, without reading it.
    ///
    /// # Errors
    /// When it is not below an allowed directory.
    pub(super) fn judge(&self, source: &Source) -> Result<(), HostFailure> {
        self.path(source).map(drop)
    }

    /// Whether every path of this machine may be read.
    pub fn is_open(&self) -> bool {
        self.allowed.is_none()
    }
}

impl Storage for LocalStorage {
    fn name(&self) -> &'static str {
        "local"
    }

    fn has_locally(&self, source: &Source) -> Result<bool, HostFailure> {
        let path = self.path(source)?;
        path.try_exists().map_err(|error| HostFailure::at("look at", &path, error))
    }

    fn size(&self, source: &Source) -> Result<Option<u64>, HostFailure> {
        let path = self.path(source)?;
        size_of(&path).map(Some).map_err(|error| HostFailure::at("measure", &path, error))
    }

    fn open(&self, source: &Source) -> Result<Opened, HostFailure> {
        let path = self.path(source)?;
        let tree = HostTree::open(&path).map_err(|error| HostFailure::at("open", &path, error))?;
        Ok(Opened::by("local", path.display().to_string(), Checked::Hashed, Arc::new(tree)))
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
        assert!(LocalStorage::default().has_locally(&source).unwrap());
        assert_eq!(LocalStorage::default().size(&source).unwrap(), Some(12));
        assert_eq!(LocalStorage::default().open(&source).unwrap().tree.stat("sub/a").unwrap().size, 11);
        let file = Source::Path(dir.path().join("sub/a"));
        assert_eq!(LocalStorage::default().size(&file).unwrap(), Some(11));
        assert_eq!(LocalStorage::default().open(&file).unwrap().tree.stat("").unwrap().size, 11);
    }

    #[test]
    fn what_went_away_is_a_host_failure_that_names_the_path() {
        let source = Source::Path("/no/such/place".into());
        assert!(!LocalStorage::default().has_locally(&source).unwrap());
        assert!(LocalStorage::default().size(&source).unwrap_err().to_string().contains("/no/such/place"));
        assert!(LocalStorage::default().open(&source).unwrap_err().to_string().contains("cannot open /no/such/place"));
        let other =
            LocalStorage::default().open(&Source::parse("http://x/y").unwrap()).map(drop).unwrap_err().to_string();
        assert!(other.contains("local paths"), "{other}");
    }

    #[test]
    #[cfg(unix)]
    fn an_allow_list_is_kept_to_also_through_links() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["allowed", "other"] {
            fs::create_dir(dir.path().join(name)).unwrap();
            fs::write(dir.path().join(name).join("file"), name).unwrap();
        }
        std::os::unix::fs::symlink("../other/file", dir.path().join("allowed/out")).unwrap();
        std::os::unix::fs::symlink("file", dir.path().join("allowed/in")).unwrap();
        let storage = LocalStorage::below(vec![dir.path().join("allowed")]);
        let open = |name: &str| storage.open(&Source::Path(dir.path().join(name))).map_err(|error| error.to_string());
        for name in ["allowed", "allowed/file", "allowed/in", "other/../allowed/file"] {
            open(name).expect(name);
        }
        for name in ["other", "other/file", "allowed/out", "allowed/../other/file", ""] {
            assert!(open(name).unwrap_err().contains("--allow-listed-local-paths"), "{name}");
        }
        let error = storage.has_locally(&Source::Path(dir.path().join("other/file"))).unwrap_err().to_string();
        assert!(error.contains("--allow-listed-local-paths"), "{error}");
        for name in ["allowed/../other/none", "other/none", "none"] {
            assert!(open(name).unwrap_err().contains("--allow-listed-local-paths"), "{name} is not said to be absent");
        }
        assert!(open("allowed/none").unwrap_err().contains("cannot follow"));
        let none =
            LocalStorage::below(Vec::new()).open(&Source::Path(dir.path().into())).map(drop).unwrap_err().to_string();
        assert!(none.contains("--allow-listed-local-paths"), "{none}");
    }
}
