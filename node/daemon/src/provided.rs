//! The operator's view of a provider: the log, and the list of executions.

use std::collections::BTreeMap;

use bacalhau_compute::{DrawNews, News};
use bacalhau_job::{ExecutionId, ExecutionQuery, ExecutionState, ExecutionStatus, JobId};

/// Executions that are listed; the oldest are left out first.
const MOST: usize = 10_000;
/// Executions of one page, at most.
const MAX_EXECUTIONS: usize = 1000;
/// Jobs without a bid that are logged in one window; of the others, their number is logged.
const LOGGED: u32 = 20;
/// Length of such a window.
const WINDOW_MS: u64 = 10_000;

/// Running executions of this process, and the latest that have ended.
#[derive(Debug, Default)]
pub(super) struct Provided {
    /// By the order in which they began.
    executions: BTreeMap<u64, ExecutionStatus>,
    numbers: BTreeMap<ExecutionId, u64>,
    begun: u64,
    window: Window,
}

/// The lines of a window of time.
#[derive(Debug, Default)]
struct Window {
    since_ms: u64,
    logged: u32,
    withheld: u64,
}

impl Provided {
    /// Records and logs news of the provider.
    pub(super) fn take(&mut self, now_ms: u64, news: News) {
        match news {
            News::Bid { job, shards } => tracing::info!(%job, shards, "bid on a job"),
            News::NoBid { job, declined } => {
                if let Some(withheld) = self.window.admits(now_ms) {
                    if withheld > 0 {
                        tracing::info!(jobs = withheld, "further declined jobs, whose reasons were not logged");
                    }
                    tracing::info!(%job, reason = %declined.reason, "no bid on a job: {}", declined.why);
                }
            }
            News::Draw { job, what } => log_draw(&job, &what),
            News::Execution { id, job, state, outcome, why } => {
                let number = *self.numbers.entry(id).or_insert_with(|| {
                    self.begun += 1;
                    self.begun
                });
                let known = self.executions.contains_key(&number);
                let status = self.executions.entry(number).or_insert_with(|| ExecutionStatus {
                    id,
                    requester: job.requester().peer,
                    private: job.is_private(),
                    state,
                    started_ms: now_ms,
                    ended_ms: None,
                    outcome: None,
                    why: None,
                });
                status.change(now_ms, state, outcome, why);
                if known || state == ExecutionState::Running {
                    log(status);
                } else {
                    tracing::info!(execution = %id, %state, "execution taken up again after a restart");
                }
                self.forget();
            }
        }
    }

    /// A page of the list, newest first, and the start of the next one.
    pub(super) fn page(&self, query: &ExecutionQuery) -> (Vec<ExecutionStatus>, Option<u64>) {
        let limit = query.limit.clamp(1, MAX_EXECUTIONS);
        let wanted = |status: &ExecutionStatus| {
            query.state.is_none_or(|state| status.state == state) && query.job.is_none_or(|job| status.id.job == job)
        };
        let before = self.executions.range(..query.after.unwrap_or(u64::MAX)).rev();
        let mut found = before.filter(|(_, status)| wanted(status));
        let page: Vec<(u64, &ExecutionStatus)> = found.by_ref().take(limit).map(|(number, it)| (*number, it)).collect();
        let next = found.next().and(page.last()).map(|(number, _)| *number);
        (page.into_iter().map(|(_, status)| status.shown()).collect(), next)
    }

    fn forget(&mut self) {
        while self.executions.len() > MOST
            && let Some((_, status)) = self.executions.pop_first()
        {
            self.numbers.remove(&status.id);
        }
    }
}

/// Logs the proof as JSON, because it is not stored elsewhere.
fn log_draw(job: &JobId, what: &DrawNews) {
    match what {
        DrawNews::Equivocation(both) => {
            let proof = serde_json::to_string(&both).unwrap_or_default();
            tracing::warn!(%job, proof, "the requester signed two different sets of bidders for one draw");
        }
        DrawNews::Wrong(why, receipt) => {
            let receipt = serde_json::to_string(&receipt).unwrap_or_default();
            tracing::warn!(%job, receipt, "a draw is not fair: {why}");
        }
        DrawNews::LeftOut(receipt) => {
            let receipt = serde_json::to_string(&receipt).unwrap_or_default();
            tracing::info!(%job, receipt, "a bid that arrived in time was in no draw: the receipt proves its arrival");
        }
    }
}

impl Window {
    /// Whether another line is logged now, and how many were not since the last window.
    fn admits(&mut self, now_ms: u64) -> Option<u64> {
        if now_ms.saturating_sub(self.since_ms) >= WINDOW_MS {
            let withheld = self.withheld;
            *self = Self { since_ms: now_ms, logged: 1, withheld: 0 };
            return Some(withheld);
        }
        if self.logged < LOGGED {
            self.logged += 1;
            return Some(0);
        }
        self.withheld += 1;
        None
    }
}

fn log(status: &ExecutionStatus) {
    let execution = status.id;
    let seconds = || {
        let ms = status.ended_ms.unwrap_or(status.started_ms).saturating_sub(status.started_ms);
        std::time::Duration::from_millis(ms).as_secs_f64()
    };
    let why = status.why.as_deref().unwrap_or_default();
    match status.state {
        ExecutionState::Accepted => {}
        ExecutionState::Running => tracing::info!(%execution, requester = %status.requester, "execution started"),
        ExecutionState::Proposed => {
            let outcome = status.outcome.as_ref().map(ToString::to_string);
            tracing::info!(%execution, seconds = seconds(), outcome, "execution ended");
        }
        ExecutionState::Won => tracing::info!(%execution, "execution is in the group that won"),
        ExecutionState::Lost => tracing::info!(%execution, "execution is not in the group that won"),
        ExecutionState::Published => tracing::info!(%execution, "execution published its results"),
        ExecutionState::Failed => tracing::info!(%execution, seconds = seconds(), "execution failed: {why}"),
        ExecutionState::Cancelled => tracing::info!(%execution, seconds = seconds(), "execution cancelled: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bacalhau_identity::Identity;
    use bacalhau_job::Announced;
    use bacalhau_receipt::Outcome;
    use bacalhau_testkit::jobs as samples;

    fn job(private: bool) -> Announced {
        let mut job = samples::job(Identity::ephemeral().peer_id(), "provided");
        job.request.request.spec.private = private;
        job.into()
    }

    fn news(job: &Announced, number: u16, state: ExecutionState) -> News {
        let (id, job) = (job.id().execution(0, number), job.clone());
        let ended = state == ExecutionState::Proposed;
        let why = (state == ExecutionState::Failed).then(|| "/secret is not there".to_owned());
        News::Execution { id, job, state, outcome: ended.then_some(Outcome::Exit(3)), why }
    }

    #[test]
    fn executions_are_listed_page_by_page_and_show_what_everybody_may_see() {
        let mut provided = Provided::default();
        let (open, private) = (job(false), job(true));
        for (job, number) in [(&open, 1), (&private, 1), (&open, 2)] {
            provided.take(1000, news(job, number, ExecutionState::Running));
        }
        provided.take(3500, news(&open, 1, ExecutionState::Proposed));
        provided.take(3500, news(&private, 1, ExecutionState::Failed));
        let query = |limit| ExecutionQuery { limit, ..ExecutionQuery::default() };
        let (first, next) = provided.page(&query(2));
        assert_eq!(
            first.iter().map(|it| it.state).collect::<Vec<_>>(),
            [ExecutionState::Running, ExecutionState::Failed]
        );
        assert_eq!((first[1].private, &first[1].why), (true, &None));
        let (rest, end) = provided.page(&ExecutionQuery { after: next, ..query(2) });
        assert_eq!((rest.len(), end), (1, None));
        assert_eq!((rest[0].started_ms, rest[0].ended_ms, &rest[0].outcome), (1000, Some(3500), &None));
        provided.take(4000, news(&open, 1, ExecutionState::Won));
        let won = ExecutionQuery { state: Some(ExecutionState::Won), job: Some(open.id()), ..query(9) };
        let (found, _) = provided.page(&won);
        assert_eq!((found.len(), found[0].ended_ms, &found[0].outcome), (1, Some(3500), &Some(Outcome::Exit(3))));
        assert!(provided.page(&ExecutionQuery { job: Some(private.id()), ..won }).0.is_empty());
    }

    #[test]
    fn a_flood_of_announcements_does_not_flood_the_log() {
        let mut window = Window::default();
        let logged = (0..1000).filter(|_| window.admits(20_000).is_some()).count();
        assert_eq!(logged, LOGGED as usize);
        assert_eq!(window.admits(20_000 + WINDOW_MS), Some(1000 - u64::from(LOGGED)));
        assert_eq!(window.admits(20_001 + WINDOW_MS), Some(0));
    }
}
