//! The data directory, the store in it, and the directories of inputs.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::Finding;
use crate::config::{Config, file_system};
use bacalhau_files::temporary;
use bacalhau_store::{FILE_NAME, JobStore};
use bacalhau_values::text;

/// Free bytes below which a node would soon refuse jobs.
const FEW_BYTES: u64 = 1 << 30;
/// Free inodes below which a node would soon refuse jobs.
const FEW_FILES: u64 = 10_000;
/// Entries of a directory that are counted.
const MOST_COUNTED: usize = 10_000;

const DIR: &str = "data directory";
const DISK: &str = "disk";
const STORE: &str = "job store";
const INPUTS: &str = "inputs";

pub(super) fn data_dir(dir: &Path, config: &Config, is_served: bool) -> Vec<Finding> {
    let mut findings = vec![writable(dir)];
    findings.extend(disk(dir, config));
    findings.extend(store(dir, is_served));
    findings
}

fn writable(dir: &Path) -> Finding {
    let shown = dir.display();
    if dir.is_dir() {
        return match temporary::dir_in(dir) {
            Ok(_) => Finding::good(DIR, format!("{shown} is writable")),
            Err(error) => Finding::problem(
                DIR,
                format!("cannot write in {shown}: {error}; run as its owner, or set node.data_dir (--data-dir)"),
            ),
        };
    }
    let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.into());
    let parent = absolute.ancestors().find(|dir| dir.exists()).unwrap_or(Path::new("/"));
    if parent.is_dir() && access(parent, Access::WRITE_OK).is_ok() {
        Finding::good(DIR, format!("{shown} is made at the first start"))
    } else {
        Finding::problem(
            DIR,
            format!(
                "{shown} does not exist and cannot be made, because {} is not a writable directory: make it, or set \
                 node.data_dir (--data-dir)",
                parent.display()
            ),
        )
    }
}

fn disk(dir: &Path, config: &Config) -> Option<Finding> {
    let found = file_system(dir)?;
    let (free, wanted) = (found.free_bytes, config.storage.store_size.0);
    let shown = format!("{} free at {}", text::bytes(free), dir.display());
    Some(if free < FEW_BYTES {
        Finding::problem(DISK, format!("only {shown}: free space, or set node.data_dir (--data-dir) on another disk"))
    } else if let Some(files) = found.free_files.filter(|files| *files < FEW_FILES) {
        Finding::problem(DISK, format!("only {files} inodes are free at {}: delete files there", dir.display()))
    } else if free < wanted {
        let store = text::bytes(wanted);
        Finding::note(DISK, format!("{shown}, and the block store may take {store}: lower storage.store_size"))
    } else {
        Finding::good(DISK, shown)
    })
}

/// A store that a node has open is not opened a second time.
fn store(dir: &Path, is_served: bool) -> Option<Finding> {
    let path = dir.join(FILE_NAME);
    if !path.exists() || is_served {
        return None;
    }
    Some(match JobStore::open(&path) {
        Ok(_) => Finding::good(STORE, format!("{} opens, and its version is the one of this program", path.display())),
        Err(error) => Finding::problem(STORE, error.to_string()),
    })
}

/// The directories from which jobs read.
pub(super) fn inputs(config: &Config) -> Vec<Finding> {
    let unsealed = config.storage.filecoin_unsealed_path.iter().map(|it| ("storage.filecoin_unsealed_path", it));
    let pieces = config.storage.piece_paths.iter().map(|it| ("storage.piece_paths", it));
    let templates = unsealed.chain(pieces).map(|(key, template)| (key, directory_of(template.fixed_part())));
    let local = config.compute.allow_listed_local_paths.iter().cloned();
    templates
        .chain(local.map(|dir| ("compute.allow_listed_local_paths", dir)))
        .map(|(key, dir)| readable(key, &dir))
        .collect()
}

/// The directory in which the paths of a template begin.
fn directory_of(fixed: &str) -> PathBuf {
    match fixed.rsplit_once('/') {
        Some(("", _)) => "/".into(),
        Some((dir, _)) => dir.into(),
        None => ".".into(),
    }
}

fn readable(key: &str, dir: &Path) -> Finding {
    let shown = dir.display();
    match fs::read_dir(dir) {
        Ok(entries) => match entries.take(MOST_COUNTED).count() {
            0 => Finding::note(INPUTS, format!("{shown} of {key} is empty, so this node has no data there")),
            MOST_COUNTED => Finding::good(INPUTS, format!("{shown} of {key} has {MOST_COUNTED} entries or more")),
            count => Finding::good(INPUTS, format!("{shown} of {key} has {count} entries")),
        },
        Err(error) => Finding::problem(
            INPUTS,
            format!("cannot read {shown} of {key}: {error}; make it, let this user read it, or correct {key}"),
        ),
    }
}
