//! Monitors free space of the file systems of a node. While one is full, the node accepts no jobs and executions;
//! existing work continues if possible, and operations that free space are allowed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use bacalhau_tree::HostFailure;

use crate::config::{FileSystem, file_system};
use bacalhau_cas::store::Store;
use bacalhau_compute::DiskSpace;

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Maximum required free space in bytes; on small file systems a fraction is required.
const MOST_NEEDED_BYTES: u64 = 256 << 20;
/// That part, as its denominator.
const NEEDED_PART: u64 = 20;
/// Minimum change of free space that is reported to the node.
const MIN_REPORTED_BYTES: u64 = 16 << 20;

/// Reserved bytes in the data directory, released for a start on a full disk: open files must be writable.
const RESERVE_BYTES: usize = 1 << 20;
/// The file that holds it.
const RESERVE: &str = "reserve";

/// The directories that the node writes to.
#[derive(Debug)]
pub(super) struct Disk {
    /// The data directory first.
    dirs: Vec<PathBuf>,
    /// The last reported problem.
    problem: Mutex<Option<String>>,
}

impl Disk {
    /// `data_dir`, and other directories, which may be on other file systems.
    pub(super) fn new(data_dir: &Path, others: impl IntoIterator<Item = PathBuf>) -> Self {
        let absolute = |dir: PathBuf| std::path::absolute(&dir).unwrap_or(dir);
        let data_dir = absolute(data_dir.to_path_buf());
        let others = others.into_iter().map(absolute).filter(|dir| !dir.starts_with(&data_dir));
        let dirs = std::iter::once(data_dir.clone()).chain(others.collect::<Vec<_>>()).collect();
        Self { dirs, problem: Mutex::default() }
    }

    /// Releases the reserve on a full disk, before anything else is opened.
    pub(super) fn give_up_reserve(&self) {
        let Some(dir) = self.dirs.first() else { return };
        if file_system(dir).is_some_and(|found| found.free_bytes < RESERVE_BYTES as u64) {
            said(dir, fs::remove_file(dir.join(RESERVE)));
        }
    }

    /// Keeps some room for the next start.
    fn keep_reserve(&self) {
        let Some(dir) = self.dirs.first() else { return };
        let reserve = dir.join(RESERVE);
        if !fs::metadata(&reserve).is_ok_and(|file| file.len() == RESERVE_BYTES as u64) {
            said(dir, fs::write(&reserve, vec![0; RESERVE_BYTES]));
        }
    }

    /// The problem of a full file system with free and required space, as last reported to the node.
    pub(super) fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Examines the file systems: the problem, and space for executions.
    pub(super) fn look(&self) -> (Option<String>, DiskSpace) {
        let before = self.problem().is_some();
        let problem = self.dirs.iter().find_map(|dir| full(dir, file_system(dir)?, before));
        let space = DiskSpace { full: problem.is_some(), room_bytes: self.room_bytes() };
        (problem, space)
    }

    /// Sets the problem. Logs when it starts and ends.
    fn set(&self, problem: Option<String>) {
        let mut known = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*known, &problem) {
            (None, Some(problem)) => tracing::error!("jobs are neither accepted nor bid on: {problem}"),
            (Some(_), None) => tracing::info!("there is room on the disk again: jobs are taken and bid on"),
            _ => {}
        }
        *known = problem;
    }

    /// Bytes that executions may still write to the data directory.
    fn room_bytes(&self) -> u64 {
        let found = self.dirs.first().and_then(|dir| file_system(dir));
        found.map_or(u64::MAX, |found| found.free_bytes.saturating_sub(needed(&found)))
    }
}

fn said(dir: &Path, done: io::Result<()>) {
    if let Err(error) = done
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!("cannot keep room for a start on a full disk in {}: {error}", dir.join(RESERVE).display());
    }
}

fn needed(found: &FileSystem) -> u64 {
    (found.bytes / NEEDED_PART).min(MOST_NEEDED_BYTES)
}

/// Where it was full before, a quarter more has to be free, so that it is not full every other second.
fn full(dir: &Path, found: FileSystem, before: bool) -> Option<String> {
    let least = needed(&found);
    let enough = if before { least.saturating_add(least / 4) } else { least };
    let (dir, free) = (dir.display(), found.free_bytes);
    if free < enough {
        return Some(format!("the disk is full: {dir} has {free} bytes free, and {enough} are needed"));
    }
    (found.free_files == Some(0)).then(|| format!("the disk is full: no file can be created in {dir} (no free inodes)"))
}

/// Looks at the disk every second until it is dropped.
#[derive(Debug)]
pub(super) struct DiskWatch(#[expect(dead_code, reason = "dropping it ends the thread")] mpsc::Sender<()>);

impl DiskWatch {
    /// Starts monitoring. Calls `report` now and after each change. While the disk is full, removed files of `blocks` are
    /// not kept open.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub(super) fn start(
        disk: Arc<Disk>,
        blocks: Arc<Store>,
        report: impl Fn(Option<String>, DiskSpace) + Send + 'static,
    ) -> Result<Self, HostFailure> {
        let (alive, ended) = mpsc::channel();
        let (problem, mut reported) = disk.look();
        report(problem.clone(), reported);
        disk.set(problem);
        if !reported.full {
            disk.keep_reserve();
        }
        let watch = move || {
            while ended.recv_timeout(EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                if reported.full
                    && let Err(error) = blocks.close_removed()
                {
                    tracing::debug!(%error, "cannot look which packs were removed");
                }
                let (problem, space) = disk.look();
                if space.full != reported.full || space.room_bytes.abs_diff(reported.room_bytes) >= MIN_REPORTED_BYTES {
                    if !space.full {
                        disk.keep_reserve();
                    }
                    report(problem.clone(), space);
                    reported = space;
                }
                disk.set(problem);
            }
        };
        let thread = thread::Builder::new().name("disk".into()).spawn(watch);
        thread.map_err(|error| HostFailure::io("start a thread", error))?;
        Ok(Self(alive))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_kept_where_there_is_some() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::new(dir.path(), None);
        disk.keep_reserve();
        disk.give_up_reserve();
        assert_eq!(fs::metadata(dir.path().join("reserve")).unwrap().len(), RESERVE_BYTES as u64);
    }

    #[test]
    fn what_is_needed_is_a_part_of_the_disk_and_a_quarter_more_once_it_was_full() {
        let dir = Path::new("/data");
        let of = |bytes, free_bytes| FileSystem { bytes, free_bytes, free_files: Some(9) };
        assert_eq!(full(dir, of(1000, 50), false), None);
        assert_eq!(
            full(dir, of(1000, 49), false).as_deref(),
            Some("the disk is full: /data has 49 bytes free, and 50 are needed")
        );
        assert!(full(dir, of(1000, 61), true).is_some());
        assert_eq!(full(dir, of(1000, 62), true), None);
        assert_eq!(full(dir, of(1 << 50, MOST_NEEDED_BYTES), false), None);
        let none = FileSystem { free_files: Some(0), ..of(1000, 999) };
        assert!(full(dir, none, false).unwrap().contains("no free inodes"));
    }
}
