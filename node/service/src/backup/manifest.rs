//! The manifest of a backup.

use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

/// The version of these lists.
pub(super) const VERSION: u32 = 1;

/// Content of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of this list.
    pub bacalhau_backup: u32,
    /// The version of the program that wrote it.
    pub version: String,
    /// When it was begun.
    pub made: String,
    /// How much of the data directory it has.
    pub contents: Contents,
    /// Peer id of the backed up identity.
    pub peer_id: Option<String>,
    /// Directories below `data`, parents first.
    pub directories: Vec<String>,
    /// Files below `data`.
    pub files: Vec<Entry>,
}

/// How much of a data directory is in a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contents {
    /// State, blocks and results.
    All,
    /// Jobs, identity, publications and pins.
    State,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Below `data`, with slashes.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).fold(0, u64::saturating_add)
    }

    /// Whether it is one of this version, with paths that stay below `data`.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.bacalhau_backup != VERSION {
            return Err(format!(
                "it has version {} of the format, and this program reads {VERSION}: use the version that wrote it, {}",
                self.bacalhau_backup, self.version
            ));
        }
        let paths = self.directories.iter().chain(self.files.iter().map(|file| &file.path));
        for path in paths {
            let is_plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
            if path.is_empty() || !is_plain {
                return Err(format!("its list names {path:?}, which is not below it"));
            }
        }
        Ok(())
    }
}
