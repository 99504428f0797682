//! What the listings of a cluster say about the executions that are waited for. Has no clock and does no I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bacalhau_job::ExecutionId;

use super::{ClusterJob, Phase};

/// How long a report may take to be visible here after its job has ended: clients of network file systems may show a
/// directory as it was a minute ago.
const VISIBLE_AFTER: Duration = Duration::from_secs(90);
/// How long a submitted job may be absent from listings before it counts as removed.
const ABSENT_FOR: Duration = Duration::from_secs(15);
/// How long a job may go on after its report: its worker ends, or it is another attempt.
const AFTER_REPORT: Duration = Duration::from_mins(1);
/// How long the worker of a job may be impossible to start: an image is pulled again, a secret is made later.
const STUCK_FOR: Duration = Duration::from_mins(2);
/// Listings in a row that have to show a job as failed: a scheduler may show it so for a moment before it repeats it.
const FAILED_LISTINGS: u32 = 2;

/// The executions that are waited for.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    active: BTreeMap<ExecutionId, Tracked>,
    /// Executions that this node will take up again; their jobs are not ended meanwhile.
    spared: BTreeSet<ExecutionId>,
    /// Reported executions, and since when their jobs are shown as going on.
    reported: BTreeMap<ExecutionId, Option<Duration>>,
}

/// One of them.
#[derive(Debug, Default)]
struct Tracked {
    job: Option<String>,
    state: State,
    /// Since when its job is shown as ended, by the clock of the caller.
    ended: Option<Duration>,
    /// Since when its job is not shown.
    absent: Option<Duration>,
    /// Since when its worker cannot be started.
    stuck: Option<Duration>,
    failed: u32,
}

/// State of an execution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// Its job waits, or is not submitted yet.
    #[default]
    Pending,
    /// A worker runs it.
    Running,
    /// There is a report.
    Reported,
    /// There will be none, for this reason.
    Lost(String),
}

impl Tracker {
    /// Spares the jobs of `needed` executions until they are waited for.
    pub(super) fn spare(&mut self, needed: BTreeSet<ExecutionId>) {
        self.spared = needed;
    }

    /// Begins to wait for an execution, whose job has the id `job` if it is submitted.
    pub(super) fn begin(&mut self, execution: ExecutionId, job: Option<String>) {
        self.spared.remove(&execution);
        self.active.insert(execution, Tracked { job, ..Tracked::default() });
    }

    /// Its job is submitted.
    pub(super) fn submitted(&mut self, execution: ExecutionId, job: String) {
        if let Some(tracked) = self.active.get_mut(&execution) {
            tracked.job = Some(job);
        }
    }

    /// An execution is not waited for any more. Returns the id of its job.
    pub(super) fn end(&mut self, execution: ExecutionId) -> Option<String> {
        self.spared.remove(&execution);
        let tracked = self.active.remove(&execution)?;
        if tracked.state == State::Reported {
            self.reported.insert(execution, None);
        }
        tracked.job
    }

    /// The id of the execution's job.
    pub(super) fn job(&self, execution: ExecutionId) -> Option<&str> {
        self.active.get(&execution)?.job.as_deref()
    }

    /// The state of an execution that is waited for.
    pub(super) fn state(&self, execution: ExecutionId) -> Option<&State> {
        self.active.get(&execution).map(|tracked| &tracked.state)
    }

    /// Executions without a report.
    pub(super) fn unreported(&self) -> Vec<ExecutionId> {
        let open = self.active.iter().filter(|(_, tracked)| tracked.state != State::Reported);
        open.map(|(execution, _)| *execution).collect()
    }

    /// Whether no execution is waited for.
    pub(super) fn is_idle(&self) -> bool {
        self.active.is_empty()
    }

    /// Number of executions by phase: pending and running.
    pub(super) fn phases(&self) -> [u64; 2] {
        [State::Pending, State::Running].map(|state| self.active.values().filter(|it| it.state == state).count() as u64)
    }

    /// The worker of an execution has reported.
    pub(super) fn reported(&mut self, execution: ExecutionId) {
        if let Some(tracked) = self.active.get_mut(&execution) {
            tracked.state = State::Reported;
        }
    }

    /// Takes a listing that began at `now`, in which the jobs of `before` had to be: those that were submitted earlier.
    /// Returns jobs that no execution needs.
    pub(super) fn observe(
        &mut self,
        now: Duration,
        before: &BTreeSet<ExecutionId>,
        jobs: &[ClusterJob],
    ) -> Vec<String> {
        let mut listed: BTreeMap<ExecutionId, Vec<&ClusterJob>> = BTreeMap::new();
        for job in jobs {
            listed.entry(job.execution).or_default().push(job);
        }
        for (execution, tracked) in &mut self.active {
            match listed.get(execution) {
                Some(jobs) => tracked.shown(now, jobs),
                None if tracked.job.is_some() && before.contains(execution) => tracked.not_shown(now),
                None => {}
            }
        }
        let alive = |execution: &ExecutionId| {
            listed.get(execution).is_some_and(|jobs| jobs.iter().any(|job| job.phase.is_alive()))
        };
        self.reported.retain(|execution, since| {
            let goes_on = alive(execution);
            goes_on && now.saturating_sub(*since.get_or_insert(now)) <= AFTER_REPORT
        });
        let needed = |execution: &ExecutionId| {
            self.active.contains_key(execution)
                || self.spared.contains(execution)
                || self.reported.contains_key(execution)
        };
        let orphans = jobs.iter().filter(|job| job.phase.is_alive() && !needed(&job.execution));
        orphans.map(|job| job.id.clone()).collect()
    }

    /// Executions with a submitted job.
    pub(super) fn with_jobs(&self) -> BTreeSet<ExecutionId> {
        let with = self.active.iter().filter(|(_, tracked)| tracked.job.is_some());
        with.map(|(execution, _)| *execution).collect()
    }
}

impl Tracked {
    /// Its jobs are shown. There may be several, if an answer was lost when the first one was submitted.
    fn shown(&mut self, now: Duration, jobs: &[&ClusterJob]) {
        if matches!(self.state, State::Reported | State::Lost(_)) {
            return;
        }
        self.absent = None;
        let running = jobs.iter().find(|job| job.phase == Phase::Running);
        let stuck = jobs.iter().find_map(|job| match &job.phase {
            Phase::Stuck(why) => Some((&job.id, why)),
            _ => None,
        });
        if let (None, Some((id, why))) = (running, stuck) {
            let since = *self.stuck.get_or_insert(now);
            self.job = Some(id.clone());
            (self.ended, self.failed) = (None, 0);
            self.state = if now.saturating_sub(since) > STUCK_FOR {
                State::Lost(format!("the worker of its job {id} cannot be started: {why}"))
            } else {
                State::Pending
            };
            return;
        }
        self.stuck = None;
        if let Some(job) = running.or_else(|| jobs.iter().find(|job| job.phase == Phase::Pending)) {
            self.job = Some(job.id.clone());
            self.state = if job.phase == Phase::Running { State::Running } else { State::Pending };
            (self.ended, self.failed) = (None, 0);
            return;
        }
        if let Some(job) = jobs.iter().find(|job| job.phase == Phase::Ended) {
            let since = *self.ended.get_or_insert(now);
            self.job = Some(job.id.clone());
            if now.saturating_sub(since) > VISIBLE_AFTER {
                self.state = State::Lost(format!(
                    "its job {} has ended, and after {} s there is no report of a worker: does the worker see the shared \
                     directory at the same path?",
                    job.id,
                    VISIBLE_AFTER.as_secs()
                ));
            }
            return;
        }
        // The latest one, whose id is the last in the listing.
        if let Some(ClusterJob { id, phase: Phase::Failed(why), .. }) = jobs.last() {
            self.job = Some(id.clone());
            self.failed += 1;
            if self.failed >= FAILED_LISTINGS {
                self.state = State::Lost(format!("its job {id} has failed: {why}"));
            }
        }
    }

    fn not_shown(&mut self, now: Duration) {
        if matches!(self.state, State::Reported | State::Lost(_)) {
            return;
        }
        let since = *self.absent.get_or_insert(now);
        let wait = if self.ended.is_some() { VISIBLE_AFTER } else { ABSENT_FOR };
        if now.saturating_sub(since) > wait {
            let id = self.job.as_deref().unwrap_or_default();
            self.state =
                State::Lost(format!("its job {id} was removed from the cluster, and there is no report of a worker"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn execution(number: u16) -> ExecutionId {
        format!("{}:0:{number}", "a".repeat(32)).parse().unwrap()
    }

    fn job(number: u16, phase: Phase) -> ClusterJob {
        ClusterJob { id: number.to_string(), execution: execution(number), phase }
    }

    /// The state after one listing a second of these phases of one job; `None` leaves it out.
    fn after(phases: &[Option<Phase>]) -> State {
        let mut tracker = Tracker::default();
        tracker.begin(execution(1), Some("1".into()));
        for (second, phase) in (0..).zip(phases) {
            let jobs: Vec<ClusterJob> = phase.iter().map(|phase| job(1, phase.clone())).collect();
            let before = tracker.with_jobs();
            assert!(tracker.observe(Duration::from_secs(second), &before, &jobs).is_empty());
        }
        tracker.state(execution(1)).unwrap().clone()
    }

    #[test]
    fn a_job_is_lost_when_the_cluster_gives_it_up_and_not_before() {
        let failed = || Some(Phase::Failed("NODE_FAIL".into()));
        let stuck = || Some(Phase::Stuck("ImagePullBackOff".into()));
        let many = |phase: Option<Phase>, count| vec![phase; count];
        for (phases, wanted) in [
            (many(Some(Phase::Pending), 3), ""),
            (vec![failed()], ""),
            (vec![failed(), Some(Phase::Pending), failed()], ""),
            (vec![failed(), failed()], "its job 1 has failed: NODE_FAIL"),
            (many(Some(Phase::Ended), 91), ""),
            (many(Some(Phase::Ended), 92), "there is no report of a worker: does"),
            (many(None, 16), ""),
            (many(None, 17), "its job 1 was removed from the cluster"),
            ([many(None, 10), vec![Some(Phase::Running)], many(None, 10)].concat(), ""),
            (many(stuck(), 121), ""),
            (many(stuck(), 122), "the worker of its job 1 cannot be started: ImagePullBackOff"),
            ([many(stuck(), 100), vec![Some(Phase::Pending)], many(stuck(), 100)].concat(), ""),
            ([vec![Some(Phase::Ended)], many(None, 91)].concat(), ""),
            ([vec![Some(Phase::Ended)], many(None, 93)].concat(), "was removed"),
        ] {
            match after(&phases) {
                State::Lost(why) => assert!(!wanted.is_empty() && why.contains(wanted), "{why}"),
                state => assert!(wanted.is_empty(), "{state:?} instead of {wanted}"),
            }
        }
        assert_eq!(after(&[Some(Phase::Running)]), State::Running);
    }

    #[test]
    fn a_job_that_is_submitted_during_a_listing_is_not_missed_in_it() {
        let mut tracker = Tracker::default();
        tracker.begin(execution(1), None);
        let before = tracker.with_jobs();
        tracker.submitted(execution(1), "1".into());
        for second in [0, 100] {
            tracker.observe(Duration::from_secs(second), &before, &[]);
        }
        assert_eq!(tracker.state(execution(1)), Some(&State::Pending));
    }

    #[test]
    fn jobs_that_no_execution_needs_are_named_and_those_of_a_restart_are_not() {
        let mut tracker = Tracker::default();
        tracker.spare([execution(1), execution(2)].into());
        tracker.begin(execution(2), None);
        let jobs = [job(1, Phase::Running), job(2, Phase::Running), job(3, Phase::Pending), job(4, Phase::Ended)];
        let none = BTreeSet::new();
        assert_eq!(tracker.observe(Duration::ZERO, &none, &jobs), ["3"]);
        assert_eq!((tracker.job(execution(2)), tracker.phases()), (Some("2"), [0, 1]), "its job is found again");
        tracker.reported(execution(2));
        assert!(tracker.unreported().is_empty());
        tracker.observe(Duration::ZERO, &none, &[job(2, Phase::Failed("late".into()))]);
        assert_eq!(tracker.state(execution(2)), Some(&State::Reported), "a report stays");
        assert_eq!(tracker.end(execution(2)), Some("2".into()));
        tracker.end(execution(1));
        assert_eq!(tracker.observe(Duration::ZERO, &none, &jobs), ["1", "3"], "the worker of a report is ending");
        assert_eq!(tracker.observe(AFTER_REPORT, &none, &jobs), ["1", "3"]);
        assert_eq!(tracker.observe(AFTER_REPORT * 2, &none, &jobs), ["1", "2", "3"], "it does not end");
    }
}
