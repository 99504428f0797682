//! Waits for the executions of a node in a cluster. One thread lists all jobs of the node and looks for reports; the
//! threads of the executions wait for it.

mod poll;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use std::{fmt, fs};

use bacalhau_files::{private, temporary::scrub};
use bacalhau_job::ExecutionId;
use bacalhau_tree::{Deadline, HostFailure};

use super::counts::Counts;
use super::tracker::{State as Seen, Tracker};
use super::{Cluster, Place, Submission, SubmitError};
use poll::poll_until_dropped;

/// How often a waiting execution checks its deadline.
const BEAT: Duration = Duration::from_millis(250);
/// How long the cluster may be silent before the node stops bidding.
const SILENT_FOR: Duration = Duration::from_mins(1);

/// The executions of a node in a cluster. Clones share them.
#[derive(Clone)]
pub struct Dispatcher(Arc<Inner>);

struct Inner {
    cluster: Arc<dyn Cluster>,
    dir: PathBuf,
    poll: Duration,
    began: Instant,
    state: Mutex<State>,
    changed: Condvar,
    counts: Counts,
}

#[derive(Default)]
struct State {
    tracker: Tracker,
    /// Listings that were begun.
    begun: u64,
    /// Number of the latest complete one, and when it began.
    listed: u64,
    listed_at: Option<Duration>,
    /// Since when the cluster does not answer, and the last error.
    silent: Option<(Duration, String)>,
    /// Whether jobs may be left that no execution needs.
    suspects: bool,
}

impl Dispatcher {
    /// Dispatches to `cluster`, with directories below `dir`, which all machines see at this path, and which no other
    /// node uses. Lists the jobs every `poll` while executions wait. Jobs and directories of other executions than
    /// `needed` are removed.
    ///
    /// # Errors
    /// When `dir` cannot be used, or no thread can be started.
    pub fn start(
        cluster: Arc<dyn Cluster>,
        dir: PathBuf,
        poll: Duration,
        needed: BTreeSet<ExecutionId>,
    ) -> Result<Self, HostFailure> {
        private::create_dir_all(&dir).map_err(|error| HostFailure::at("create the shared directory", &dir, error))?;
        let leftovers = leftovers(&dir, &needed)?;
        let mut state = State { suspects: true, ..State::default() };
        state.tracker.spare(needed);
        let inner = Arc::new(Inner {
            cluster,
            dir,
            poll,
            began: Instant::now(),
            state: Mutex::new(state),
            changed: Condvar::new(),
            counts: Counts::default(),
        });
        let weak = Arc::downgrade(&inner);
        let work = move || {
            for path in leftovers {
                remove(&path);
            }
            poll_until_dropped(&weak);
        };
        let spawned = thread::Builder::new().name("cluster".into()).spawn(work);
        spawned.map_err(|error| HostFailure::io("start a thread for the cluster", error))?;
        Ok(Self(inner))
    }

    /// The directory of an execution.
    pub fn place(&self, execution: ExecutionId) -> Place {
        Place::of(&self.0.dir, execution)
    }

    /// Whether the cluster answers.
    ///
    /// # Errors
    /// Since when it does not, for the operator.
    pub fn check(&self) -> Result<(), HostFailure> {
        let (state, name) = (self.0.state(), self.0.cluster.name());
        match &state.silent {
            Some((since, why)) if state.listed == 0 || self.0.now().saturating_sub(*since) > SILENT_FOR => {
                Err(HostFailure::new(format!("{name} does not answer: {why}")))
            }
            _ if state.listed == 0 => Err(HostFailure::new(format!("{name} has not answered yet"))),
            _ => Ok(()),
        }
    }

    /// Runs an execution, whose directory is complete, until its report is there. `resumed`: it may have been
    /// submitted before this process began. `beat` is called after each listing.
    ///
    /// # Errors
    /// Why there will be no report. The job is ended then.
    pub fn run(
        &self,
        submission: &Submission,
        resumed: bool,
        deadline: &Deadline,
        mut beat: impl FnMut(),
    ) -> Result<(), HostFailure> {
        let (inner, execution) = (&*self.0, submission.execution);
        let place = Place::at(submission.dir.clone());
        let waiting = Waiting { inner, execution };
        inner.state().tracker.begin(execution, place.job());
        if resumed {
            inner.await_listing(&place, deadline)?;
        }
        if inner.job(execution).is_some() {
            inner.counts.resumed.add(1);
        }
        while inner.job(execution).is_none() && !place.is_done() {
            match inner.cluster.submit(submission) {
                Ok(id) => {
                    inner.counts.submitted.add(1);
                    inner.state().tracker.submitted(execution, id.clone());
                    place.set_job(&id).map_err(|error| HostFailure::at("write into", place.path(), error))?;
                    tracing::debug!(%execution, job = id, "submitted to {}", inner.cluster.name());
                }
                Err(SubmitError::Rejected(failure)) => return Err(failure),
                Err(SubmitError::Unanswered(failure)) => {
                    inner.counts.unanswered.add(1);
                    tracing::warn!(%execution, "it is not known whether {} took an execution: {failure}", inner.cluster.name());
                    // In the next listing it is found if it was taken.
                    inner.await_listing(&place, deadline)?;
                }
            }
        }
        let mut listed = 0;
        loop {
            let (seen, now_listed) = {
                let state = inner.state();
                (state.tracker.state(execution).cloned(), state.listed)
            };
            match seen {
                Some(Seen::Pending | Seen::Running) => {
                    if listed != now_listed {
                        listed = now_listed;
                        beat();
                    }
                }
                Some(Seen::Lost(why)) if !place.is_done() => {
                    inner.counts.lost.add(1);
                    return Err(HostFailure::new(format!("{}: {why}", inner.cluster.name())));
                }
                Some(Seen::Reported | Seen::Lost(_)) | None => break,
            }
            if let Err(failure) = deadline.check() {
                inner.counts.cancelled.add(1);
                return Err(failure);
            }
            inner.pause();
        }
        inner.state().tracker.reported(execution);
        inner.counts.reported.add(1);
        drop(waiting);
        Ok(())
    }

    /// An execution that was spared at the start is not needed any more.
    pub fn forget(&self, execution: ExecutionId) {
        let mut state = self.0.state();
        // Of one that is waited for, its own thread removes everything.
        if state.tracker.state(execution).is_none() {
            state.tracker.end(execution);
            state.suspects = true;
            drop(state);
            remove(self.place(execution).path());
        }
    }

    /// Events since the start, by name.
    pub fn counters(&self) -> Vec<(String, u64)> {
        self.0.counts.list()
    }

    /// Executions that wait for their report, by the phase of their job.
    pub fn phases(&self) -> Vec<(String, u64)> {
        let [pending, running] = self.0.state().tracker.phases();
        vec![("pending".into(), pending), ("running".into(), running)]
    }
}

/// An execution that is waited for. Its job is ended when the wait is over, unless it has reported.
struct Waiting<'a> {
    inner: &'a Inner,
    execution: ExecutionId,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.inner.state();
        let reported = state.tracker.state(self.execution) == Some(&Seen::Reported);
        let job = state.tracker.end(self.execution);
        state.suspects |= !reported;
        drop(state);
        if let Some(job) = job.filter(|_| !reported)
            && let Err(failure) = self.inner.cluster.cancel(&[job])
        {
            tracing::warn!(execution = %self.execution, "a job could not be ended, and is ended later: {failure}");
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time since the start.
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn job(&self, execution: ExecutionId) -> Option<String> {
        self.state().tracker.job(execution).map(str::to_owned)
    }

    /// Waits for news, for a moment.
    fn pause(&self) {
        drop(self.changed.wait_timeout(self.state(), BEAT).unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits for the end of a listing that begins from now on, or for the report.
    fn await_listing(&self, place: &Place, deadline: &Deadline) -> Result<(), HostFailure> {
        let begun = self.state().begun;
        while self.state().listed <= begun && !place.is_done() {
            deadline.check()?;
            self.pause();
        }
        Ok(())
    }
}

/// Directories of executions that are not needed.
fn leftovers(dir: &Path, needed: &BTreeSet<ExecutionId>) -> Result<Vec<PathBuf>, HostFailure> {
    let entries = fs::read_dir(dir).map_err(|error| HostFailure::at("list", dir, error))?;
    let left = entries.flatten().filter(|entry| {
        let execution = entry.file_name().to_str().and_then(Place::execution);
        execution.is_some_and(|execution| !needed.contains(&execution))
    });
    Ok(left.map(|entry| entry.path()).collect())
}

fn remove(path: &Path) {
    if let Err(error) = scrub(path) {
        tracing::warn!("{} could not be removed: {error}", path.display());
    }
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher").field("cluster", &self.0.cluster).field("dir", &self.0.dir).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
