//! Ownership of containers: a label names a file that the owner keeps locked while it lives. The next process can thus
//! recognize abandoned containers, also after `kill -9`, and leaves those of other processes alone.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::path::Path;

use bacalhau_tree::HostFailure;

/// Label with the path of the lock file.
pub(super) const OWNER_LABEL: &str = "bacalhau.owner";
/// Label with the execution id.
pub(super) const EXECUTION_LABEL: &str = "bacalhau.execution";
/// Name of the lock file.
const LOCK: &str = "containers.lock";

/// This process as an owner.
#[derive(Debug)]
pub(super) struct Owner {
    path: String,
    _file: File,
}

impl Owner {
    /// The owner with the directory `dir`, which no other process uses.
    pub(super) fn new(dir: &Path) -> Result<Self, HostFailure> {
        let failed = |error| HostFailure::at("lock containers.lock in", dir, error);
        let path = dir.canonicalize().map_err(failed)?.join(LOCK);
        let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path: path.to_string_lossy().into_owned(), _file: file }),
            Err(TryLockError::WouldBlock) => {
                Err(HostFailure::new(format!("another process runs containers from {}", dir.display())))
            }
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// The labels of a container of this owner.
    pub(super) fn labels(&self, execution: &str) -> HashMap<String, String> {
        let labels = [(OWNER_LABEL, self.path.as_str()), (EXECUTION_LABEL, execution)];
        labels.map(|(name, value)| (name.into(), value.into())).into()
    }

    /// Whether a container with the lock file `path` belongs to this owner.
    pub(super) fn owns(&self, path: &str) -> bool {
        path == self.path
    }

    /// Whether the owner has certainly ended. An absent file may exist in another namespace.
    pub(super) fn is_gone(path: &str) -> bool {
        File::open(path).is_ok_and(|file| file.try_lock().is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_gone_when_it_was_there_and_holds_its_lock_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let owner = Owner::new(dir.path()).unwrap();
        let path = owner.labels("e")[OWNER_LABEL].clone();
        assert!(owner.owns(&path) && !Owner::is_gone(&path));
        assert!(Owner::new(dir.path()).unwrap_err().to_string().contains("another process"));
        drop(owner);
        assert!(Owner::is_gone(&path));
        assert!(!Owner::is_gone("/no/such/place/containers.lock"));
    }
}
