//! The results of a run that are hashed, and read or kept afterwards.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cap_std::fs::{Dir, FileExt as _};

use bacalhau_tree::HostFailure;

use crate::results;
use crate::staging::Staging;
use bacalhau_receipt::{Receipt, ResultFile};

/// The results of a run with its receipt. The files are in the run's workplace, until [`Results::keep`] moves them or this
/// is dropped, which removes them.
pub struct Results {
    receipt: Receipt,
    dir: Dir,
    /// Where `dir` is; `None` once it is kept.
    place: Mutex<Option<PathBuf>>,
    /// Removes the workplace when it is dropped.
    _staging: Arc<Staging>,
}

impl Results {
    /// `dir` is at `place` in `staging`, and `receipt` is about its content.
    pub(crate) fn new(receipt: Receipt, dir: Dir, place: PathBuf, staging: Arc<Staging>) -> Self {
        Self { receipt, dir, place: Mutex::new(Some(place)), _staging: staging }
    }

    /// The receipt, whose claim lists the files of the results.
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// At most `most` bytes of the file `name` from `offset` on, fewer only at its end. Names are those of the claim, such
    /// as `stdout` and `outputs/report.csv`.
    ///
    /// # Errors
    /// When the results have no such file, or it cannot be read.
    pub fn read(&self, name: &str, offset: u64, most: usize) -> Result<Vec<u8>, HostFailure> {
        let file = self.file(name)?;
        let left = usize::try_from(file.bytes.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; left.min(most)];
        self.dir
            .open(name)
            .and_then(|file| file.read_exact_at(&mut bytes, offset))
            .map_err(|error| HostFailure::io(format!("read {name:?} of the results"), error))?;
        Ok(bytes)
    }

    fn file(&self, name: &str) -> Result<&ResultFile, HostFailure> {
        // Claims list files by name.
        let files = &self.receipt.claim.files;
        let found = files.binary_search_by(|file| file.name.as_str().cmp(name));
        found.map(|index| &files[index]).map_err(|_| {
            HostFailure::new(format!("the results have no file {name:?}; the claim of the receipt lists their files"))
        })
    }

    /// Moves the files to the new directory `results`, whose parent exists; on another file system they are copied. They
    /// can still be read. It appears there whole or not at all.
    ///
    /// # Errors
    /// When there is something at `results`, it cannot be written, or the results were kept before.
    pub fn keep(&self, results: &Path) -> Result<(), HostFailure> {
        results::check_free(results)?;
        // A panic cannot leave the place inconsistent.
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(from) = &*place else {
            return Err(HostFailure::new(format!("the results were kept before: copy them to {}", results.display())));
        };
        match std::fs::rename(from, results) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => self.copy(results)?,
            Err(error) => return Err(HostFailure::at("move the results to", results, error)),
        }
        *place = None;
        Ok(())
    }

    /// Copies the files beside `results`, and moves them there.
    fn copy(&self, results: &Path) -> Result<(), HostFailure> {
        let staging = Staging::new(results.parent().unwrap_or(Path::new(".")));
        let (place, to) = staging.make("results")?;
        copy_all(&self.dir, &to)
            .and_then(|()| std::fs::rename(place, results))
            .map_err(|error| HostFailure::at("copy the results to", results, error))
    }
}

/// Copies a directory that has directories and files only.
fn copy_all(from: &Dir, to: &Dir) -> io::Result<()> {
    let mut pending = vec![PathBuf::from(".")];
    while let Some(dir) = pending.pop() {
        for entry in from.read_dir(&dir)? {
            let entry = entry?;
            let path = dir.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                to.create_dir(&path)?;
                pending.push(path);
            } else {
                from.copy(&path, to, &path)?;
            }
        }
    }
    Ok(())
}

impl fmt::Debug for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Results").field("h1", &self.receipt.claim.h1).finish_non_exhaustive()
    }
}
