//! Periodic cleanup of a serving node: unpins old uploads, and deletes old jobs with their results, and old
//! publications. The store measures age in time observed by this node.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use bacalhau_tree::HostFailure;

use bacalhau_api::let_go;
use bacalhau_cas::store::Store;
use bacalhau_daemon::Clock;
use bacalhau_job::JobId;
use bacalhau_publisher::Ledger;
use bacalhau_store::{JobStore, Retention, StoreError};

/// Interval of the cleanup.
const EVERY: Duration = Duration::from_mins(10);
/// How long data is kept that a client brought along.
const BROUGHT_MS: u64 = 24 * 3_600_000;
/// Jobs that ended since then, and their results, do not go for want of room: their client is about to look.
const FRESH_MS: u64 = 3_600_000;
/// How the names of results begin that are being removed.
const REMOVED: &str = ".removed-";

/// How long things are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keep {
    /// Ended jobs, and publications that have come to their end.
    pub(super) jobs_ms: u64,
    /// Maximum number of jobs.
    pub(super) jobs_most: usize,
    /// Bytes of jobs of one client, which submits none beyond that.
    pub(super) client_bytes: u64,
    /// Collected results of ended jobs.
    pub(super) results_ms: u64,
    /// Bytes of results at most.
    pub(super) results_bytes: u64,
}

/// Data to clean up.
#[derive(Debug)]
pub(super) struct House {
    pub(super) jobs: Arc<JobStore>,
    pub(super) blocks: Arc<Store>,
    /// Holds a directory for each job.
    pub(super) results: PathBuf,
    pub(super) ledger: Option<Ledger>,
    pub(super) keep: Keep,
    /// Bytes of the results of ended jobs, which do not change.
    pub(super) sizes: BTreeMap<JobId, u64>,
}

/// Data that a sweep has removed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Swept {
    jobs: usize,
    results: usize,
    bytes: u64,
    uploads: usize,
    publications: usize,
}

/// Runs until dropped.
#[derive(Debug)]
pub(super) struct Housekeeping(#[expect(dead_code, reason = "dropping it ends the thread")] mpsc::Sender<()>);

impl Housekeeping {
    /// Starts the cleanup, by the node's clock.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub(super) fn start(mut house: House, clock: Clock) -> Result<Self, HostFailure> {
        let (alive, ended) = mpsc::channel();
        let tidy = move || {
            while ended.recv_timeout(EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                house.sweep(clock.now_ms());
            }
        };
        let thread = thread::Builder::new().name("housekeeping".into()).spawn(tidy);
        thread.map_err(|error| HostFailure::io("start a thread", error))?;
        Ok(Self(alive))
    }
}

impl House {
    /// Removes data beyond the limits, and logs one line. Failures are logged and retried at the next sweep.
    fn sweep(&mut self, now_ms: u64) -> Swept {
        let mut swept = Swept::default();
        let result = self.jobs.touch(now_ms).and_then(|()| self.forget_jobs(now_ms, &mut swept));
        warn("old jobs could not be forgotten", result);
        let result = self.remove_results(now_ms, &mut swept);
        warn("old results could not be removed", result);
        let before = self.jobs.before(now_ms, BROUGHT_MS).map_err(failed);
        let result = before.and_then(|before_ms| let_go(&self.blocks, before_ms));
        swept.uploads = warn("cannot unpin uploaded data", result).unwrap_or_default();
        let result = self.forget_publications(now_ms, &mut swept);
        warn("old publications could not be forgotten", result);
        let Swept { jobs, results, bytes, uploads, publications } = swept;
        if swept == Swept::default() {
            tracing::debug!("housekeeping: nothing to remove");
        } else {
            tracing::info!(
                "housekeeping: removed {jobs} jobs, results of {results} jobs ({bytes} bytes), {uploads} uploads, \
                 {publications} publications"
            );
        }
        swept
    }

    fn forget_jobs(&self, now_ms: u64, swept: &mut Swept) -> Result<(), StoreError> {
        let since_ms = self.jobs.before(now_ms, self.keep.jobs_ms)?;
        let retention = Retention { since_ms: Some(since_ms), keep_last: Some(self.keep.jobs_most) };
        swept.jobs = self.jobs.prune(retention)?;
        // Done first, before clients are rejected.
        let most = self.keep.client_bytes / 4 * 3;
        swept.jobs += self.jobs.prune_clients(most, self.jobs.before(now_ms, FRESH_MS)?)?;
        Ok(())
    }

    /// Deletes results of unknown jobs and of jobs that ended too long ago, then the oldest until the rest is within
    /// the size limit.
    fn remove_results(&mut self, now_ms: u64, swept: &mut Swept) -> Result<(), HostFailure> {
        let before_ms = self.jobs.before(now_ms, self.keep.results_ms).map_err(failed)?;
        let ends = self.jobs.ends().map_err(failed)?;
        let (mut kept, mut doomed) = (Vec::new(), Vec::new());
        for name in names(&self.results).map_err(|error| HostFailure::at("list", &self.results, error))? {
            if name.starts_with(REMOVED) {
                remove(&self.results.join(&name))?;
            }
            let Ok(job) = name.parse::<JobId>() else { continue };
            match ends.get(&job) {
                None => doomed.push(job),
                Some(Some(ended_ms)) if *ended_ms < before_ms => doomed.push(job),
                Some(Some(ended_ms)) => kept.push((*ended_ms, job)),
                // It has not ended.
                Some(None) => {}
            }
        }
        kept.sort_unstable();
        let mut bytes: u64 = 0;
        for (_, job) in &kept {
            bytes = bytes.saturating_add(self.size(job)?);
        }
        let fresh_ms = self.jobs.before(now_ms, FRESH_MS).map_err(failed)?;
        for (_, job) in kept.iter().take_while(|(ended_ms, _)| *ended_ms < fresh_ms) {
            if bytes <= self.keep.results_bytes {
                break;
            }
            bytes = bytes.saturating_sub(self.size(job)?);
            doomed.push(*job);
        }
        for job in doomed {
            swept.bytes = swept.bytes.saturating_add(self.size(&job)?);
            self.sizes.remove(&job);
            // Under another name first: results that are half there are not there.
            let (place, removed) = (self.results.join(job.to_string()), self.results.join(format!("{REMOVED}{job}")));
            fs::rename(&place, &removed).map_err(|error| HostFailure::at("rename", &place, error))?;
            remove(&removed)?;
            swept.results += 1;
        }
        Ok(())
    }

    fn size(&mut self, job: &JobId) -> Result<u64, HostFailure> {
        if let Some(bytes) = self.sizes.get(job) {
            return Ok(*bytes);
        }
        let dir = self.results.join(job.to_string());
        let bytes = size(&dir).map_err(|error| HostFailure::at("look at", &dir, error))?;
        self.sizes.insert(*job, bytes);
        Ok(bytes)
    }

    fn forget_publications(&self, now_ms: u64, swept: &mut Swept) -> Result<(), HostFailure> {
        let Some(ledger) = &self.ledger else { return Ok(()) };
        let before_ms = self.jobs.before(now_ms, self.keep.jobs_ms).map_err(failed)?;
        let old = self.jobs.seen_before(&ledger.past()?, now_ms, before_ms).map_err(failed)?;
        ledger.forget(&old)?;
        swept.publications = old.len();
        Ok(())
    }
}

/// Bytes of all files below `dir`.
fn size(dir: &Path) -> io::Result<u64> {
    let mut bytes: u64 = 0;
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let meta = entry.metadata()?;
            if meta.is_dir() {
                dirs.push(entry.path());
            } else {
                bytes = bytes.saturating_add(meta.len());
            }
        }
    }
    Ok(bytes)
}

fn names(dir: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string());
    }
    Ok(names)
}

fn remove(dir: &Path) -> Result<(), HostFailure> {
    fs::remove_dir_all(dir).map_err(|error| HostFailure::at("remove", dir, error))
}

fn warn<T>(what: &str, result: Result<T, impl std::fmt::Display>) -> Option<T> {
    result.inspect_err(|error| tracing::warn!("{what}: {error}")).ok()
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives it by value")]
fn failed(error: StoreError) -> HostFailure {
    HostFailure::new(error.to_string())
}

#[cfg(test)]
mod tests;
