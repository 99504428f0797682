//! Copies files and records them for the manifest.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bacalhau_tree::HostFailure;
use sha2::{Digest, Sha256};

use super::manifest::Entry;
use bacalhau_values::hex::Hex;

const BUFFER_BYTES: usize = 1 << 20;

/// A copy from one directory to another, with the lists of the manifest.
#[derive(Debug)]
pub(super) struct Copying<'a> {
    pub(super) from: &'a Path,
    pub(super) to: &'a Path,
    pub(super) directories: Vec<String>,
    pub(super) files: Vec<Entry>,
}

impl<'a> Copying<'a> {
    pub(super) fn new(from: &'a Path, to: &'a Path) -> Self {
        Self { from, to, directories: Vec::new(), files: Vec::new() }
    }

    /// Creates the directory `path` and its parents.
    pub(super) fn directory(&mut self, path: &str) -> Result<(), HostFailure> {
        for (end, _) in path.match_indices('/').chain([(path.len(), "")]) {
            let path = &path[..end];
            let target = self.to.join(path);
            match fs::create_dir(&target) {
                Ok(()) => self.directories.push(path.into()),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(HostFailure::at("make the directory", &target, error)),
            }
        }
        Ok(())
    }

    /// Copies a file. Returns false if it does not exist any more.
    pub(super) fn file(&mut self, path: &str) -> Result<bool, HostFailure> {
        let from = self.from.join(path);
        match File::open(&from) {
            Ok(file) => self.stream(path, file).map(|()| true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(HostFailure::at("read", &from, error)),
        }
    }

    /// Writes `source` as the file `path`.
    pub(super) fn stream(&mut self, path: &str, source: impl Read) -> Result<(), HostFailure> {
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.directory(parent)?;
        }
        let (bytes, sha256) = write(source, &self.to.join(path))?;
        self.files.push(Entry { path: path.into(), bytes, sha256 });
        Ok(())
    }

    /// Records the file `path` that was written elsewhere.
    pub(super) fn note(&mut self, path: &str) -> Result<(), HostFailure> {
        let target = self.to.join(path);
        let file = File::open(&target).map_err(|error| HostFailure::at("read", &target, error))?;
        let (bytes, sha256) = hash(file, &mut io::sink()).map_err(|error| HostFailure::at("read", &target, error))?;
        self.files.push(Entry { path: path.into(), bytes, sha256 });
        Ok(())
    }

    /// Copies a directory recursively, without hidden entries at its top, which are drafts and locks. Entries that
    /// vanish meanwhile are skipped.
    pub(super) fn tree(&mut self, top: &str) -> Result<(), HostFailure> {
        let mut pending = vec![top.to_owned()];
        while let Some(path) = pending.pop() {
            let dir = self.from.join(&path);
            let failed = |error| HostFailure::at("list", &dir, error);
            let entries = match fs::read_dir(&dir) {
                Ok(entries) => entries,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            };
            self.directory(&path)?;
            for entry in entries {
                let entry = entry.map_err(failed)?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                if path == top && name.starts_with('.') {
                    continue;
                }
                let below = format!("{path}/{name}");
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => pending.push(below),
                    Ok(kind) if kind.is_file() => drop(self.file(&below)?),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// Writes `source` to the new file `target`, readable only for its owner; returns size and hash.
pub(super) fn write(source: impl Read, target: &Path) -> Result<(u64, String), HostFailure> {
    let failed = |error| HostFailure::at("write", target, error);
    let mut file = File::options().write(true).create_new(true).open(target).map_err(failed)?;
    file.set_permissions(Permissions::from_mode(0o600)).map_err(failed)?;
    hash(source, &mut file).map_err(failed)
}

fn hash(mut source: impl Read, sink: &mut impl Write) -> io::Result<(u64, String)> {
    let (mut buffer, mut hasher, mut bytes) = (vec![0; BUFFER_BYTES], Sha256::new(), 0);
    loop {
        let length = match source.read(&mut buffer) {
            Ok(0) => return Ok((bytes, Hex(&hasher.finalize()).to_string())),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        sink.write_all(&buffer[..length])?;
        hasher.update(&buffer[..length]);
        bytes += length as u64;
    }
}

/// Has everything of the file system of `dir` on disk.
pub(super) fn sync(dir: &Path) -> Result<(), HostFailure> {
    let failed = |error| HostFailure::at("sync", dir, error);
    let opened = File::open(dir).map_err(failed)?;
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(&opened).map_err(|error| failed(error.into()))?;
    #[cfg(not(target_os = "linux"))]
    rustix::fs::sync();
    opened.sync_all().map_err(failed)
}
