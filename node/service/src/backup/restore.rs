//! Restores a backup. Everything is copied and checked in a temporary directory first; then the parts are renamed, the
//! jobs last. Until then an empty file takes the place of the jobs, with which a node refuses to start.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

use bacalhau_tree::HostFailure;

use super::copy::{sync, write};
use super::{BackupError, Contents, DATA, DATA_NAMES, LEDGER, MANIFEST, Manifest, PINS, STATE_FILES, STORE, line};
use crate::serving::{self, Serving};
use bacalhau_files::{private, temporary};
use bacalhau_store::FILE_NAME;

/// Names in a data directory that do not make it one of a node.
const NOTHING: [&str; 2] = [serving::NAME, "backup.sock"];

/// Restores the backup at `backup` into `data_dir`. With `replace` it may contain data: parts of the backup replace it,
/// the rest stays.
///
/// # Errors
/// When the backup is damaged, `data_dir` is not empty or in use, or the host fails. Nothing is changed before the
/// backup is checked.
pub fn restore(backup: &Path, data_dir: &Path, replace: bool) -> Result<Manifest, BackupError> {
    let manifest = read(backup)?;
    private::create_dir_all(data_dir).map_err(|error| HostFailure::at("make the directory", data_dir, error))?;
    let _serving = Serving::begin(data_dir)?;
    if line::is_answered(data_dir) {
        let place = data_dir.display();
        return Err(BackupError::Usage(format!("{place} is in use by a serving process: end it first")));
    }
    if !replace {
        check_empty(data_dir)?;
    }
    let failed = |error| HostFailure::at("write to", data_dir, error);
    let staging = temporary::dir_in(data_dir).map_err(failed)?;
    let (new, old) = (staging.path().join("new"), staging.path().join("old"));
    for dir in [&new, &old] {
        fs::create_dir(dir).map_err(failed)?;
    }
    copy(&manifest, backup, &new)?;
    give_to_owner(&manifest, &new, data_dir).map_err(failed)?;
    sync(&new)?;
    install(&manifest, &new, data_dir, &old).map_err(failed)?;
    sync(data_dir)?;
    Ok(manifest)
}

fn damaged(backup: &Path, why: impl Into<String>) -> BackupError {
    BackupError::Damaged { place: backup.display().to_string(), why: why.into() }
}

fn read(backup: &Path) -> Result<Manifest, BackupError> {
    let json = match fs::read(backup.join(MANIFEST)) {
        Ok(json) => json,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            let shown = backup.display();
            return Err(BackupError::Usage(format!("{shown} is not a backup: it has no {MANIFEST}")));
        }
        Err(error) => return Err(HostFailure::at("read", &backup.join(MANIFEST), error).into()),
    };
    let manifest: Manifest = serde_json::from_slice(&json)
        .map_err(|error| damaged(backup, format!("{MANIFEST} cannot be read: {error}")))?;
    manifest.check().map_err(|why| damaged(backup, why))?;
    let listed: BTreeSet<&str> = manifest.files.iter().map(|file| &*file.path).collect();
    let mut pending = vec![String::new()];
    while let Some(path) = pending.pop() {
        let dir = backup.join(DATA).join(&path);
        for entry in fs::read_dir(&dir).map_err(|error| HostFailure::at("list", &dir, error))? {
            let entry = entry.map_err(|error| HostFailure::at("list", &dir, error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let below = if path.is_empty() { name } else { format!("{path}/{name}") };
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                pending.push(below);
            } else if !listed.contains(&*below) {
                return Err(damaged(backup, format!("{below:?} is not in its list: remove it")));
            }
        }
    }
    Ok(manifest)
}

fn check_empty(data_dir: &Path) -> Result<(), BackupError> {
    let failed = |error| HostFailure::at("list", data_dir, error);
    for entry in fs::read_dir(data_dir).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if NOTHING.iter().all(|nothing| name != *nothing) {
            let (place, name) = (data_dir.display(), name.to_string_lossy());
            return Err(BackupError::Usage(format!(
                "cannot restore to {place}: it contains {name:?}; name another --data-dir, or replace its content with \
                 --replace"
            )));
        }
    }
    Ok(())
}

fn copy(manifest: &Manifest, backup: &Path, new: &Path) -> Result<(), BackupError> {
    for path in &manifest.directories {
        let dir = new.join(path);
        private::create_dir_all(&dir).map_err(|error| HostFailure::at("make the directory", &dir, error))?;
    }
    for entry in &manifest.files {
        let from = backup.join(DATA).join(&entry.path);
        let file = match File::open(&from) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(damaged(backup, format!("{:?} is missing", entry.path)));
            }
            Err(error) => return Err(HostFailure::at("read", &from, error).into()),
        };
        let target = new.join(&entry.path);
        if let Some(parent) = target.parent() {
            private::create_dir_all(parent).map_err(|error| HostFailure::at("make the directory", parent, error))?;
        }
        let (bytes, sha256) = write(file, &target)?;
        if (bytes, &sha256) != (entry.bytes, &entry.sha256) {
            return Err(damaged(
                backup,
                format!("{:?} does not match the manifest: its SHA-256 is {sha256}", entry.path),
            ));
        }
    }
    Ok(())
}

/// Gives all files to the owner of `data_dir` if another user restores: the node could not read its keys otherwise.
fn give_to_owner(manifest: &Manifest, new: &Path, data_dir: &Path) -> io::Result<()> {
    let (owner, own) = (fs::metadata(data_dir)?, fs::metadata(new)?);
    if owner.uid() == own.uid() {
        return Ok(());
    }
    let paths = manifest.directories.iter().chain(manifest.files.iter().map(|file| &file.path));
    for path in paths {
        chown(new.join(path), Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(())
}

/// Moves existing parts to `old`, and the parts of the backup to their places.
fn install(manifest: &Manifest, new: &Path, data_dir: &Path, old: &Path) -> io::Result<()> {
    let has_jobs = manifest.files.iter().any(|file| file.path == FILE_NAME);
    if has_jobs {
        let empty = old.join(FILE_NAME);
        File::create_new(&empty)?.sync_all()?;
        fs::rename(&empty, data_dir.join(FILE_NAME))?;
        sync_dir(data_dir)?;
    }
    let parts: Vec<&str> = match manifest.contents {
        Contents::All => DATA_NAMES.into_iter().chain([STORE, LEDGER]).collect(),
        Contents::State => vec![PINS, LEDGER],
    };
    for part in parts.into_iter().chain(STATE_FILES.into_iter().filter(|name| *name != FILE_NAME)) {
        move_away(data_dir, part, old)?;
        if new.join(part).symlink_metadata().is_ok() {
            let target = data_dir.join(part);
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::rename(new.join(part), target)?;
        }
    }
    sync_dir(data_dir)?;
    if has_jobs { fs::rename(new.join(FILE_NAME), data_dir.join(FILE_NAME)) } else { Ok(()) }
}

fn move_away(data_dir: &Path, part: &str, old: &Path) -> io::Result<()> {
    match fs::rename(data_dir.join(part), old.join(part.replace('/', "-"))) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
