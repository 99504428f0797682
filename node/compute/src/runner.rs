//! Runs executions, each in its own directory, from the job's sources to results and a receipt. Existing results are
//! returned, so a run may be requested again after a crash.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bacalhau_receipt::{CallTrail, Receipt};
use bacalhau_runtime::Error;
use bacalhau_tree::{Control, Deadline, HostFailure, dirhash};
use serde::{Deserialize, Serialize};

use super::Ran;
use super::execution_context::ExecutionContext;
use super::executor::{Executors, Run};
use bacalhau_files::{
    private,
    temporary::{self, TempFile, scrub},
};
use bacalhau_job::{AnnouncedJob, ExecutionId, FailureKind};

/// Signs a receipt with the node's key.
pub type Sign = Arc<dyn Fn(&mut Receipt) + Send + Sync>;

/// File with an execution's receipt and calls, beside its results.
const KEPT: &str = "ran.cbor";
/// Maximum stopped executions that are remembered until they would start.
const MOST_STOPPED: usize = 1024;

/// Runs executions of one node.
pub struct Runner {
    executors: Executors,
    context: Arc<ExecutionContext>,
    dir: PathBuf,
    disk_bytes: u64,
    sign: Sign,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: BTreeMap<ExecutionId, Control>,
    /// The latest executions that are not needed any more.
    stopped: VecDeque<ExecutionId>,
}

/// Data of a run that is stored beside its results.
#[derive(Serialize, Deserialize)]
struct Kept {
    receipt: Receipt,
    calls: CallTrail,
}

impl Runner {
    /// Runs by `executors`, with inputs opened on `context`, in directories `JOB-SHARD-NUMBER` below `dir`, each of at
    /// most `disk_bytes`. `sign` signs claims of the node.
    ///
    /// # Errors
    /// When `dir` cannot be created.
    pub fn new(
        executors: Executors,
        context: Arc<ExecutionContext>,
        dir: PathBuf,
        disk_bytes: u64,
        sign: Sign,
    ) -> Result<Self, HostFailure> {
        private::create_dir_all(&dir).map_err(|error| HostFailure::at("create the directory", &dir, error))?;
        Ok(Self { executors, context, dir, disk_bytes, sign, state: Mutex::default() })
    }

    /// Path of an execution's results after success.
    pub fn results(&self, execution: ExecutionId) -> PathBuf {
        self.dir_of(execution).join("results")
    }

    /// The directory of all executions.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    fn dir_of(&self, execution: ExecutionId) -> PathBuf {
        let ExecutionId { job, shard, number } = execution;
        self.dir.join(format!("{job}-{shard}-{number}"))
    }

    /// Runs an execution of `job`, or returns its stored results.
    ///
    /// # Errors
    /// Why there is no result, and whose failure it is. A stopped run is withdrawn.
    pub fn run(&self, execution: ExecutionId, job: &AnnouncedJob) -> Result<Box<Ran>, (FailureKind, String)> {
        let control = Control::default();
        control.limit_disk(self.disk_bytes);
        {
            let mut state = self.state();
            if state.stopped.contains(&execution) {
                control.cancel();
            }
            state.running.insert(execution, control.clone());
        }
        let result = self.run_under(&control, execution, job);
        self.state().running.remove(&execution);
        match result {
            _ if control.is_cancelled() => Err((FailureKind::Withdrawn, "the execution was stopped".into())),
            Ok(ran) => Ok(Box::new(ran)),
            Err(Error::Refused(refusal)) => Err((FailureKind::Refused, refusal.to_string())),
            Err(Error::Host(failure)) => Err((FailureKind::Host, failure.to_string())),
        }
    }

    fn run_under(&self, control: &Control, execution: ExecutionId, job: &AnnouncedJob) -> Result<Ran, Error> {
        if control.is_cancelled() {
            return Err(HostFailure::new("it was stopped").into());
        }
        let dir = self.dir_of(execution);
        if let Some(ran) = kept(&dir) {
            return Ok(ran);
        }
        // Results without a receipt are incomplete, left by a crash.
        remove(&dir)?;
        private::create_dir_all(&dir).map_err(|error| HostFailure::at("create the directory", &dir, error))?;
        let engine = &job.spec().engine;
        let executor = self.executors.of(engine).map_err(|error| HostFailure::new(error.to_string()))?;
        let (started, clock) = (SystemTime::now(), Instant::now());
        let timeout = Duration::from_secs(job.spec().timeout_seconds);
        let deadline = Deadline::under(control, timeout);
        let (mut receipt, calls) = executor.execute(&Run { execution, job, dir: &dir, deadline: &deadline })?;
        let unclaimed = &mut receipt.unclaimed;
        unclaimed.started = Some(humantime::format_rfc3339_seconds(started).to_string());
        unclaimed.wall_ms = Some(u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX));
        (self.sign)(&mut receipt);
        let kept = Kept { receipt, calls };
        let failed = |error| HostFailure::at("write the receipt into", &dir, error);
        let file = write(&dir, &kept).map_err(failed)?;
        // The last check of the deadline: afterwards there is a receipt.
        deadline.check()?;
        file.persist(&dir.join(KEPT)).map_err(failed)?;
        Ok(Ran { receipt: kept.receipt, calls: kept.calls })
    }

    /// Stops an execution: at once if it runs, or before it starts.
    pub fn stop(&self, execution: ExecutionId) {
        let mut state = self.state();
        if let Some(control) = state.running.get(&execution) {
            control.cancel();
        }
        state.stopped.push_back(execution);
        if state.stopped.len() > MOST_STOPPED {
            state.stopped.pop_front();
        }
    }

    /// Deletes everything of an execution. A running one is stopped, and deleted by a second call after its end.
    ///
    /// # Errors
    /// When its directory cannot be deleted.
    pub fn discard(&self, execution: ExecutionId) -> Result<(), HostFailure> {
        self.context.release(execution.job, execution.shard);
        if let Some(control) = self.state().running.get(&execution) {
            control.cancel();
            return Ok(());
        }
        self.executors.forget(execution);
        remove(&self.dir_of(execution))
    }

    /// At most `most` bytes of an execution's standard stream from `offset` on, and whether it is complete. `None` for
    /// an unknown execution. Of a running execution, the first MiB of each stream is available.
    pub fn log(&self, execution: ExecutionId, stderr: bool, offset: u64, most: usize) -> Option<(Vec<u8>, bool)> {
        if let Some(control) = self.state().running.get(&execution) {
            return Some((control.log(stderr, offset, most), false));
        }
        let path = self.results(execution).join(if stderr { "stderr" } else { "stdout" });
        let mut file = File::open(path).ok()?;
        let length = file.metadata().ok()?.len();
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(offset)).ok()?;
        file.take(most as u64).read_to_end(&mut bytes).ok()?;
        let ended = offset.saturating_add(bytes.len() as u64) >= length;
        Some((bytes, ended))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// The stored results in this directory, if complete and valid.
fn kept(dir: &Path) -> Option<Ran> {
    let Kept { receipt, calls } = serde_ipld_dagcbor::from_slice(&fs::read(dir.join(KEPT)).ok()?).ok()?;
    let found = dirhash::hash_dir(&dir.join("results"), "results").ok()?;
    (found.h1 == receipt.claim.h1).then_some(Ran { receipt, calls })
}

/// Writes a file in one step: completely or not at all. It is not synced to disk: after a power failure [`kept`]
/// detects missing data, and the run is repeated.
fn write(dir: &Path, kept: &Kept) -> io::Result<TempFile> {
    let mut file = temporary::file_in(dir)?;
    file.write_all(&bacalhau_job::to_dag_cbor(kept))?;
    Ok(file)
}

fn remove(dir: &Path) -> Result<(), HostFailure> {
    scrub(dir).map_err(|error| HostFailure::at("remove", dir, error))
}

#[cfg(test)]
mod tests;
