//! Takes a backup.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bacalhau_tree::HostFailure;

use super::copy::{Copying, sync};
use super::manifest::VERSION;
use super::{BackupError, Contents, DATA, DATA_NAMES, LEDGER, MANIFEST, Manifest, PACKS, PINS, STATE_FILES, line};
use bacalhau_files::temporary;
use bacalhau_identity::Identity;
use bacalhau_store::{FILE_NAME, JobStore, StoreError};

/// Copies `data_dir` to the new directory `target`, completely or not at all.
///
/// # Errors
/// When `target` exists, there is nothing to copy, or the host fails.
pub fn take(data_dir: &Path, target: &Path, contents: Contents) -> Result<Manifest, BackupError> {
    let parent = place(target)?;
    crate::data_dir::check(data_dir)?;
    let failed = |error| HostFailure::at("write", target, error);
    fs::create_dir_all(&parent).map_err(failed)?;
    let staging = temporary::dir_in(&parent).map_err(failed)?;
    let finished = staging.path().join("finished");
    let data = finished.join(DATA);
    for dir in [&finished, &data] {
        fs::create_dir(dir).map_err(failed)?;
        // There are keys in it.
        fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(failed)?;
    }
    let made = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let mut copying = Copying::new(data_dir, &data);
    copy_jobs(&mut copying)?;
    for name in STATE_FILES.into_iter().filter(|name| *name != FILE_NAME) {
        copying.file(name)?;
    }
    copy_ledger(&mut copying)?;
    copy_store(&mut copying, contents)?;
    if contents == Contents::All {
        DATA_NAMES.into_iter().try_for_each(|name| copying.tree(name))?;
    }
    let Copying { directories, mut files, .. } = copying;
    if files.is_empty() {
        let place = data_dir.display();
        return Err(BackupError::Usage(format!(
            "there is nothing to back up in {place}: name the data directory of a node with --data-dir"
        )));
    }
    files.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    let identity = data.join("identity");
    let peer_id = if identity.exists() {
        let identity = Identity::from_file(&identity).map_err(|error| HostFailure::new(error.to_string()))?;
        Some(identity.peer_id().to_string())
    } else {
        None
    };
    let version = env!("CARGO_PKG_VERSION").into();
    let manifest = Manifest { bacalhau_backup: VERSION, version, made, contents, peer_id, directories, files };
    let json = serde_json::to_vec_pretty(&manifest).map_err(|error| failed(error.into()))?;
    fs::write(finished.join(MANIFEST), json).map_err(failed)?;
    sync(&finished)?;
    fs::rename(&finished, target).map_err(failed)?;
    sync(&parent)?;
    Ok(manifest)
}

/// The directory in which the backup will be. There may be an empty directory in its place.
fn place(target: &Path) -> Result<PathBuf, BackupError> {
    let shown = target.display();
    let usage = |why: &str| BackupError::Usage(format!("cannot write a backup to {shown}: {why}"));
    match fs::read_dir(target).map(|mut entries| entries.next().is_some()) {
        Ok(false) => {}
        Ok(true) => return Err(usage("it is not empty; name a new directory")),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(usage(&error.to_string())),
    }
    if target.file_name().is_none() {
        return Err(usage("it has no name of its own; name a new directory below it"));
    }
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
    Ok(parent.unwrap_or(Path::new(".")).into())
}

/// The jobs as of one moment: everything that was acknowledged before it.
fn copy_jobs(copying: &mut Copying<'_>) -> Result<(), BackupError> {
    if let Some((jobs, length)) = line::jobs(copying.from)? {
        copying.stream(FILE_NAME, jobs)?;
        if copying.files.last().map(|file| file.bytes) != Some(length) {
            let place = copying.from.display();
            return Err(HostFailure::new(format!("the process that serves {place} ended meanwhile: try again")).into());
        }
        return Ok(());
    }
    let path = copying.from.join(FILE_NAME);
    if !path.exists() {
        return Ok(());
    }
    let jobs = JobStore::open(&path).map_err(|error| match error {
        StoreError::InUse(place) => {
            HostFailure::new(format!("{place} is in use by a process that gives no backups: end it, or try again"))
        }
        other => HostFailure::new(other.to_string()),
    })?;
    jobs.copy_to(&copying.to.join(FILE_NAME)).map_err(|error| HostFailure::new(error.to_string()))?;
    copying.note(FILE_NAME)?;
    Ok(())
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == extension)
}

/// Each entry is replaced as a whole. One that ends is in its second place before it leaves the first, so that is the
/// order in which they are copied.
fn copy_ledger(copying: &mut Copying<'_>) -> Result<(), HostFailure> {
    for dir in [LEDGER.to_owned(), format!("{LEDGER}/ended")] {
        for name in names(&copying.from.join(&dir))? {
            if has_extension(&name, "json") {
                copying.file(&format!("{dir}/{name}"))?;
            }
        }
    }
    Ok(())
}

/// Packs are immutable, and are removed only after their live content is in another one: repeats until there is no new
/// pack.
fn copy_store(copying: &mut Copying<'_>, contents: Contents) -> Result<(), HostFailure> {
    let pins = |copying: &Copying<'_>| names(&copying.from.join(PINS));
    let before = pins(copying)?;
    let mut seen = BTreeSet::new();
    if contents == Contents::All {
        loop {
            let found = names(&copying.from.join(PACKS))?;
            let new: Vec<String> =
                found.into_iter().filter(|name| has_extension(name, "car") && !seen.contains(name)).collect();
            if new.is_empty() {
                break;
            }
            for name in new {
                copying.file(&format!("{PACKS}/{name}"))?;
                seen.insert(name);
            }
        }
    }
    // DAGs pinned or unpinned meanwhile may be incomplete in the copied packs.
    for name in pins(copying)?.intersection(&before).filter(|name| !name.starts_with('.')) {
        copying.file(&format!("{PINS}/{name}"))?;
    }
    Ok(())
}

/// The names in a directory that need not be there.
fn names(dir: &Path) -> Result<BTreeSet<String>, HostFailure> {
    let list = || -> io::Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(dir)? {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    };
    match list() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeSet::new()),
        listed => listed.map_err(|error| HostFailure::at("list", dir, error)),
    }
}
