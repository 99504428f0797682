//! The lock of a store, between processes and threads. [`super`] documents its use.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::at;
use super::layout::Layout;
use crate::DataError;

/// How long a collection waits for others.
const PATIENCE: Duration = Duration::from_secs(30);
/// Poll interval.
const PAUSE: Duration = Duration::from_millis(2);

/// The lock, held until this is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the shared lock. Waits during a collection.
    pub(super) fn shared(layout: &Layout) -> Result<Self, DataError> {
        let file = open(layout)?;
        loop {
            match file.lock_shared() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(at("lock", &layout.lock(), error)),
            }
        }
    }

    /// Alone, or not at all.
    pub(super) fn try_exclusive(layout: &Layout) -> Result<Option<Self>, DataError> {
        let file = open(layout)?;
        let locked = try_lock(&file, &layout.lock())?;
        Ok(locked.then_some(Self { _file: file }))
    }

    /// Takes the exclusive lock. Shared locks are held only briefly, so this is slow only during another collection.
    pub(super) fn exclusive(layout: &Layout) -> Result<Self, DataError> {
        let begin = Instant::now();
        loop {
            if let Some(lock) = Self::try_exclusive(layout)? {
                return Ok(lock);
            }
            if begin.elapsed() > PATIENCE {
                let why = "another process has been tidying it for long; try again when that is done";
                return Err(at("lock", &layout.lock(), io::Error::new(ErrorKind::WouldBlock, why)));
            }
            sleep(PAUSE);
        }
    }
}

/// Locks `file` at `path` if it is not locked.
pub(super) fn try_lock(file: &File, path: &Path) -> Result<bool, DataError> {
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Interrupted => {}
            Err(TryLockError::Error(error)) => return Err(at("lock", path, error)),
        }
    }
}

fn open(layout: &Layout) -> Result<File, DataError> {
    let path = layout.lock();
    let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
    file.map_err(|error| at("open", &path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_alone_or_several_together() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::make(dir.path()).unwrap();
        let shared = [Lock::shared(&layout).unwrap(), Lock::shared(&layout).unwrap()];
        assert!(Lock::try_exclusive(&layout).unwrap().is_none());
        drop(shared);
        let alone = Lock::try_exclusive(&layout).unwrap();
        assert!(alone.is_some() && Lock::try_exclusive(&layout).unwrap().is_none());
    }
}
