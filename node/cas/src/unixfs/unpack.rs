//! Writes a tree to the host. The tree is not trusted: nothing is written outside of the target, no link points
//! outside, and sizes are limited. Does not read ahead across files: traverse the DAG first if that helps.

mod links;
mod writer;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bacalhau_tree::Tree;

use crate::DataError;
use bacalhau_files::temporary;
use writer::Writer;

/// How to write a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unpack {
    /// Handling of links that point outside of the tree.
    pub links: Links,
    /// Most bytes in all files together. Default 2^40, a tebibyte.
    pub max_bytes: u64,
    /// Most files, directories and links. Default 10,000,000.
    pub max_entries: u64,
}

/// Handling of links with an absolute target, or a target outside of the tree. Other links are always kept, also broken
/// ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// Write nothing at all.
    #[default]
    Refuse,
    /// They are left out.
    Skip,
}

/// Written entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Bytes in all files.
    pub bytes: u64,
    /// Files, directories and links.
    pub entries: u64,
    /// Paths of the links that were left out.
    pub skipped: Vec<String>,
}

impl Default for Unpack {
    fn default() -> Self {
        Self { links: Links::Refuse, max_bytes: 1 << 40, max_entries: 10_000_000 }
    }
}

impl Unpack {
    /// Writes `tree` to `target`, which must not exist: first to a hidden directory beside it, which is renamed when
    /// complete. Calls `progress` with the number of bytes.
    ///
    /// # Errors
    /// When the tree cannot be read, exceeds a limit or has a refused link, or the host fails. Nothing remains then.
    pub fn publish(
        &self,
        tree: &dyn Tree,
        target: &Path,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Unpacked, DataError> {
        check_free(target)?;
        let parent = parent_of(target)?;
        fs::create_dir_all(&parent).map_err(|error| failed("make the directory", &parent, error))?;
        let staging = temporary::dir_in(&parent);
        let staging = staging.map_err(|error| failed("write to the directory", &parent, error))?;
        let finished = staging.path().join("finished");
        let unpacked = self.write(tree, &finished, progress)?;
        check_free(target)?;
        fs::rename(&finished, target).map_err(|error| failed("write", target, error))?;
        Ok(unpacked)
    }

    /// Writes `tree` to `target`, which must not exist and must not be visible to others, for callers that rename
    /// themselves.
    ///
    /// # Errors
    /// As for [`publish`](Self::publish), but the written part remains.
    pub fn write(&self, tree: &dyn Tree, target: &Path, progress: &mut dyn FnMut(u64)) -> Result<Unpacked, DataError> {
        check_free(target)?;
        Writer::new(self, tree, target, progress)?.write()
    }
}

fn check_free(target: &Path) -> Result<(), DataError> {
    match fs::symlink_metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed("look at", target, error)),
        Ok(_) => {
            let error = io::Error::new(io::ErrorKind::AlreadyExists, "something is there already; name another place");
            Err(failed("write to", target, error))
        }
    }
}

fn parent_of(target: &Path) -> Result<PathBuf, DataError> {
    match target.parent() {
        Some(parent) if target.file_name().is_some() => {
            Ok(if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent.into() })
        }
        _ => {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "it has no name of its own; name one below it");
            Err(failed("write to", target, error))
        }
    }
}

fn failed(what: &str, path: &Path, error: io::Error) -> DataError {
    DataError::io(format!("{what} {}", path.display()), error)
}

#[cfg(test)]
mod tests;
