//! The thread that looks for reports and lists the jobs.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::super::Place;
use super::Inner;

/// How often the jobs are listed while no execution waits.
const IDLE_LISTING: Duration = Duration::from_mins(1);
/// Jobs that are ended by one request.
const CANCELLED_AT_ONCE: usize = 100;

/// Works until the dispatcher is dropped.
pub(super) fn poll_until_dropped(inner: &Weak<Inner>) {
    while let Some(strong) = inner.upgrade() {
        strong.look();
        let (cluster, poll) = (Arc::clone(&strong.cluster), strong.poll);
        drop(strong);
        cluster.wait(poll);
    }
}

impl Inner {
    /// Looks for reports, and at the jobs.
    fn look(&self) {
        let unreported = self.state().tracker.unreported();
        let reported = unreported.iter().filter(|execution| Place::of(&self.dir, **execution).is_done());
        for execution in reported.collect::<Vec<_>>() {
            self.state().tracker.reported(*execution);
        }
        self.changed.notify_all();
        let now = self.now();
        let (before, number) = {
            let mut state = self.state();
            let due = state.listed_at.is_none_or(|at| now.saturating_sub(at) >= IDLE_LISTING);
            if !due && !state.suspects && state.tracker.is_idle() {
                return;
            }
            state.begun += 1;
            (state.tracker.with_jobs(), state.begun)
        };
        match self.cluster.list() {
            Ok(jobs) => {
                let orphans = {
                    let mut state = self.state();
                    if state.silent.take().is_some() && state.listed > 0 {
                        tracing::info!("{} answers again", self.cluster.name());
                    }
                    (state.listed, state.listed_at, state.suspects) = (number, Some(now), false);
                    let orphans = state.tracker.observe(now, &before, &jobs);
                    state.suspects = !orphans.is_empty();
                    orphans
                };
                self.changed.notify_all();
                self.end(&orphans);
            }
            Err(failure) => {
                self.counts.unanswered.add(1);
                let mut state = self.state();
                if state.silent.is_none() {
                    tracing::warn!("{} does not answer: {failure}", self.cluster.name());
                }
                let since = state.silent.take().map_or(now, |(since, _)| since);
                state.silent = Some((since, failure.to_string()));
            }
        }
    }

    /// Ends jobs that no execution needs.
    fn end(&self, orphans: &[String]) {
        for jobs in orphans.chunks(CANCELLED_AT_ONCE) {
            match self.cluster.cancel(jobs) {
                Ok(()) => {
                    self.counts.orphans.add(jobs.len());
                    tracing::info!("ended {} jobs of {} that no execution needs", jobs.len(), self.cluster.name());
                }
                Err(failure) => tracing::warn!("jobs that no execution needs could not be ended: {failure}"),
            }
        }
    }
}
