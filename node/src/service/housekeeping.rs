//! What a serving node does now and then: it lets go of data that clients brought long ago, and forgets jobs that ended long
//! ago, with their results, and publications.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bacalhau_runtime::HostFailure;

use crate::api::let_go;
use crate::cas::store::Store;
use crate::job::JobId;
use crate::publisher::Ledger;
use crate::store::{JobStore, Retention};

/// How often.
const EVERY: Duration = Duration::from_mins(10);
/// How long data is kept that a client brought along.
const BROUGHT: Duration = Duration::from_hours(24);
/// How long jobs are remembered after their end.
const ENDED: Duration = Duration::from_hours(30 * 24);

/// Goes on until it is dropped.
#[derive(Debug)]
pub(super) struct Housekeeping(#[expect(dead_code, reason = "dropping it ends the thread")] mpsc::Sender<()>);

impl Housekeeping {
    /// Begins.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(super) fn start(
        jobs: Arc<JobStore>,
        blocks: Arc<Store>,
        results: PathBuf,
        ledger: Option<Ledger>,
    ) -> Result<Self, HostFailure> {
        let (alive, ended) = mpsc::channel();
        let tidy = move || {
            while ended.recv_timeout(EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                tidy(&jobs, &blocks, &results);
                if let Some(Err(error)) = ledger.as_ref().map(|ledger| ledger.forget(SystemTime::now() - ENDED)) {
                    tracing::warn!("old publications could not be forgotten: {error}");
                }
            }
        };
        let thread = thread::Builder::new().name("housekeeping".into()).spawn(tidy);
        thread.map_err(|error| HostFailure::io("start a thread", error))?;
        Ok(Self(alive))
    }
}

/// `results` holds a directory for each job.
fn tidy(jobs: &JobStore, blocks: &Arc<Store>, results: &Path) {
    if let Err(error) = let_go(blocks, before(BROUGHT)) {
        tracing::warn!("data of clients could not be let go: {error}");
    }
    let retention = Retention { since_ms: Some(before(ENDED)), ..Retention::default() };
    if let Err(error) = jobs.prune(retention) {
        tracing::warn!("old jobs could not be forgotten: {error}");
    }
    for dir in fs::read_dir(results).into_iter().flatten().flatten() {
        let job = dir.file_name().to_str().and_then(|name| name.parse::<JobId>().ok());
        if job.is_some_and(|job| matches!(jobs.job(&job), Ok(None)))
            && let Err(error) = fs::remove_dir_all(dir.path())
        {
            tracing::warn!("old results could not be removed from {}: {error}", dir.path().display());
        }
    }
}

/// The time so long ago, in Unix milliseconds.
fn before(age: Duration) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.saturating_sub(age).as_millis()).unwrap_or(0)
}
