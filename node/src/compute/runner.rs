//! Runs executions for real, each in a directory of its own: from the job's sources to results and a receipt, once. What
//! is there already is the answer, so a run may be asked for again after a crash.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bacalhau_runtime::{CallTrail, Control, Deadline, Error, HostFailure, Receipt, dirhash};
use serde::{Deserialize, Serialize};

use super::Ran;
use super::executor::{Executors, Run};
use super::workbench::Workbench;
use crate::job::{AnnouncedJob, ExecutionId};
use crate::private;
use crate::protocol::FailureKind;
use crate::temporary::{self, TempFile, scrub};

/// Signs a receipt by the key of the node.
pub type Sign = Arc<dyn Fn(&mut Receipt) -> Result<(), String> + Send + Sync>;

/// Where an execution's receipt and calls are kept beside its results.
const KEPT: &str = "ran.cbor";
/// Executions that were stopped and are remembered for when their turn comes.
const MOST_STOPPED: usize = 1024;

/// Runs executions of one node.
pub struct Runner {
    executors: Executors,
    bench: Arc<Workbench>,
    dir: PathBuf,
    disk_bytes: u64,
    sign: Sign,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: BTreeMap<ExecutionId, Control>,
    /// The latest executions that nobody needs any more.
    stopped: VecDeque<ExecutionId>,
}

/// What is kept of a run beside its results.
#[derive(Serialize, Deserialize)]
struct Kept {
    receipt: Receipt,
    calls: CallTrail,
}

impl Runner {
    /// Runs by `executors`, whose inputs are open on `bench`, in directories `JOB-SHARD-NUMBER` below `dir`, where
    /// each may write `disk_bytes`. `sign` signs what the node claims.
    ///
    /// # Errors
    /// When `dir` cannot be made.
    pub fn new(
        executors: Executors,
        bench: Arc<Workbench>,
        dir: PathBuf,
        disk_bytes: u64,
        sign: Sign,
    ) -> Result<Self, HostFailure> {
        private::create_dir_all(&dir).map_err(|error| HostFailure::at("make the directory", &dir, error))?;
        Ok(Self { executors, bench, dir, disk_bytes, sign, state: Mutex::default() })
    }

    /// Where the results of an execution are once it has ended well.
    pub fn results(&self, execution: ExecutionId) -> PathBuf {
        self.dir_of(execution).join("results")
    }

    /// Where the directories of all executions are.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    fn dir_of(&self, execution: ExecutionId) -> PathBuf {
        let ExecutionId { job, shard, number } = execution;
        self.dir.join(format!("{job}-{shard}-{number}"))
    }

    /// Runs an execution of `job`, or finds what came of it.
    ///
    /// # Errors
    /// Whose failure it is that there is no result, and why. A run that was stopped is withdrawn.
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
            Err(Error::Host(failure)) => {
                let text = failure.to_string();
                Err((FailureKind::Host, text.strip_prefix(HostFailure::PREFIX).unwrap_or(&text).into()))
            }
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
        // What a crash has left without a receipt is no result.
        remove(&dir)?;
        private::create_dir_all(&dir).map_err(|error| HostFailure::at("make the directory", &dir, error))?;
        let engine = &job.request.request.spec.engine;
        let executor = self.executors.of(engine).map_err(HostFailure::new)?;
        let (started, clock) = (SystemTime::now(), Instant::now());
        let timeout = Duration::from_secs(job.request.request.spec.timeout_seconds);
        let deadline = Deadline::under(control, timeout);
        let (mut receipt, calls) = executor.execute(&Run { execution, job, dir: &dir, deadline: &deadline })?;
        let unclaimed = &mut receipt.unclaimed;
        unclaimed.started = Some(humantime::format_rfc3339_seconds(started).to_string());
        unclaimed.wall_ms = Some(u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX));
        (self.sign)(&mut receipt).map_err(HostFailure::new)?;
        let kept = Kept { receipt, calls };
        let failed = |error| HostFailure::at("write the receipt into", &dir, error);
        let file = write(&dir, &kept).map_err(failed)?;
        // The last look at the clock: after this there is a receipt.
        deadline.check()?;
        file.persist(&dir.join(KEPT)).map_err(failed)?;
        Ok(Ran { receipt: kept.receipt, calls: kept.calls })
    }

    /// Ends an execution: at once if it runs, before it begins if it does not yet.
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

    /// Removes everything of an execution. One that still runs is stopped, and removed when this is called again after
    /// its end.
    ///
    /// # Errors
    /// When its directory cannot be removed.
    pub fn discard(&self, execution: ExecutionId) -> Result<(), HostFailure> {
        self.bench.let_go(execution.job, execution.shard);
        if let Some(control) = self.state().running.get(&execution) {
            control.cancel();
            return Ok(());
        }
        remove(&self.dir_of(execution))
    }

    /// What an execution has written to a standard stream from `offset` on, `most` bytes at most, and whether that is
    /// all. `None` where there is no such execution. Of one that runs, the first MiB of each stream can be read.
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

/// What came of an execution whose directory this is, if that is there and sound.
fn kept(dir: &Path) -> Option<Ran> {
    let Kept { receipt, calls } = serde_ipld_dagcbor::from_slice(&fs::read(dir.join(KEPT)).ok()?).ok()?;
    let found = dirhash::hash_dir(&dir.join("results"), "results").ok()?;
    (found.h1 == receipt.claim.h1).then_some(Ran { receipt, calls })
}

/// A file that takes its name in one step: it is there whole, or not at all. Nobody waits for the disk: what a machine that
/// loses its power has not written is found out by [`kept`], and run again.
fn write(dir: &Path, kept: &Kept) -> io::Result<TempFile> {
    let mut file = temporary::file_in(dir)?;
    file.write_all(&crate::job::to_dag_cbor(kept))?;
    Ok(file)
}

fn remove(dir: &Path) -> Result<(), HostFailure> {
    scrub(dir).map_err(|error| HostFailure::at("remove", dir, error))
}

#[cfg(test)]
mod tests;
