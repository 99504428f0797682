//! Jobs that wait: for their turn to look for providers, and for providers that would run them and are busy. A try of a
//! job lasts as long as bids are taken. If nothing is known of a busy provider at its end, the job fails; otherwise it
//! waits, with growing intervals, and is tried again until its time in the queue is over.

use std::collections::BTreeSet;

use libp2p_identity::PeerId;

use super::active_job::Phase;
use super::machine::Due;
use super::queue;
use super::shard::Shard;
use super::{Effect, Requester};
use bacalhau_job::{DeclineReason, EventKind, JobId};

/// First interval between two tries, as a multiple of that between announcements.
const FIRST_INTERVAL: u64 = 2;
/// Longest interval between two tries in milliseconds.
const MOST_INTERVAL_MS: u64 = 60_000;
/// After how long a try that ends during a draw is looked at again, in milliseconds.
const DRAWING_MS: u64 = 500;

impl Requester {
    /// Adds a job to the queue.
    pub(super) fn enqueue(&mut self, now_ms: u64, job: JobId) {
        let Some(live) = self.jobs.get(&job).filter(|live| live.phase == Phase::Queued) else { return };
        let announced = &live.record.job;
        let cost = announced.shards.len().saturating_mul(announced.spec().deal.concurrency().into());
        let (client, created_ms) = (announced.request.client().unwrap_or(self.me), announced.created_ms);
        let has_room = self.queue.has_room();
        self.queue.insert(job, client, created_ms, u64::try_from(cost).unwrap_or(u64::MAX));
        if !has_room {
            let (bidding, ahead) = (self.queue.bidding(), self.queue.ahead(&job));
            let text = format!("queued: {bidding} jobs of this node look for providers, {}", jobs_ahead(ahead));
            self.report_queued(now_ms, job, &text);
        }
    }

    /// Begins a try of each job that is next in the queue, as far as there is room.
    pub(super) fn dispatch(&mut self, now_ms: u64) -> Vec<Effect> {
        let mut effects = Vec::new();
        while let Some(job) = self.queue.next() {
            effects.extend(self.begin_try(now_ms, job));
        }
        effects
    }

    /// Announces a job and takes bids.
    pub(super) fn begin_try(&mut self, now_ms: u64, job: JobId) -> Vec<Effect> {
        let Some(live) = self.jobs.get_mut(&job) else {
            self.queue.remove(&job);
            return Vec::new();
        };
        live.begin_try(now_ms);
        self.queue.begin(job, live.bidding_until);
        let shards = live.numbers();
        let mut effects = Vec::from_iter(self.announce(now_ms, job));
        effects.extend(self.work(now_ms, job, &shards, "", |_| {}));
        effects
    }

    /// Handles what is due in the queue.
    pub(super) fn end_tries(&mut self, now_ms: u64) -> Vec<Effect> {
        let mut effects = Vec::new();
        while let Some(due) = self.queue.due(now_ms) {
            if let queue::Due::BiddingEnds(job) = due {
                effects.extend(self.end_try(now_ms, job));
            }
        }
        effects
    }

    fn end_try(&mut self, now_ms: u64, job: JobId) -> Vec<Effect> {
        let Some(live) = self.jobs.get_mut(&job) else {
            self.queue.remove(&job);
            return Vec::new();
        };
        if live.is_drawing(now_ms) {
            self.queue.begin(job, now_ms.saturating_add(DRAWING_MS));
            return Vec::new();
        }
        let shards = live.numbers();
        if !live.is_busy() || live.has_enough() || now_ms >= live.queue_until {
            live.gives_up_ms = now_ms;
            let effects = self.work(now_ms, job, &shards, "", |_| {});
            // What remains is decided without further bids.
            if let Some(live) = self.jobs.get_mut(&job) {
                live.is_over = true;
            }
            self.place(job);
            return effects;
        }
        live.phase = Phase::Queued;
        let interval_ms = interval_ms(live.tries, self.config.announce_ms, live.capacity_in_ms(), &job);
        if let Some(armed) = live.announce_ms.take() {
            self.times.remove(&(armed, job, Due::Announce));
        }
        let busy = live.busy_providers();
        let known = live.declined().keys().chain(&busy).collect::<BTreeSet<_>>().len();
        self.queue.wait(job, now_ms.saturating_add(interval_ms), busy.iter().copied());
        let effects = self.work(now_ms, job, &shards, "", |shard| {
            if !shard.has_its_executions() {
                shard.give_back_bids();
            }
        });
        let text = in_words(busy.len(), known, interval_ms, self.queue.ahead(&job));
        self.report_queued(now_ms, job, &text);
        effects
    }

    /// A job leaves the queue when nothing of it lacks executions, and comes back when an execution was given back.
    pub(super) fn change_queue(&mut self, now_ms: u64, job: JobId) {
        let Some(live) = self.jobs.get_mut(&job) else { return };
        match (live.phase, live.lacks_executions()) {
            (Phase::Queued | Phase::Bidding, false) => self.place(job),
            (Phase::Placed, true) if !live.is_over => {
                live.phase = Phase::Queued;
                live.gives_up_ms = live.queue_until.max(now_ms.saturating_add(live.record.job.bidding_ms));
                self.enqueue(now_ms, job);
            }
            _ => {}
        }
    }

    fn place(&mut self, job: JobId) {
        if let Some(live) = self.jobs.get_mut(&job) {
            live.phase = Phase::Placed;
        }
        self.queue.remove(&job);
    }

    /// Records what a job waits for.
    fn report_queued(&mut self, now_ms: u64, job: JobId, text: &str) {
        let Some(live) = self.jobs.get_mut(&job) else { return };
        live.lacking().for_each(|shard| shard.why = Some(text.into()));
        self.event(now_ms, job, EventKind::Stalled, text.into());
    }
}

impl super::active_job::ActiveJob {
    /// The providers that are busy, of which some run other shards of the job.
    fn busy_providers(&self) -> BTreeSet<PeerId> {
        let running = self.pending_executions().map(|execution| execution.peer);
        self.full().map(|(peer, _)| *peer).chain(running).collect()
    }

    /// The shortest estimate of a busy provider.
    fn capacity_in_ms(&self) -> Option<u64> {
        self.full().filter_map(|(_, declined)| declined.later?.in_ms).min()
    }
}

impl Shard<'_> {
    /// What the shard waits for while providers are busy.
    pub(super) fn queue_in_words(&self) -> String {
        let full = || self.declines.values().filter(|declined| declined.reason == DeclineReason::Full);
        let ahead = full().filter_map(|declined| declined.later).map(|later| later.ahead).min().unwrap_or(0);
        let next_ms = self.next_try_ms.unwrap_or(self.bidding_until).saturating_sub(self.now.ms);
        in_words(full().count(), self.known_providers(), next_ms, usize::try_from(ahead).unwrap_or(usize::MAX))
    }

    fn known_providers(&self) -> usize {
        let bidders = self.record.bids.iter().map(|bid| &bid.peer);
        self.declines.keys().chain(bidders).collect::<BTreeSet<_>>().len()
    }

    /// Why the shard fails at the end of its time in the queue.
    pub(super) fn queue_time_out(&self) -> String {
        let seconds = self.now.ms.saturating_sub(self.job.created_ms) / 1000;
        let full = self.declines.values().filter(|declined| declined.reason == DeclineReason::Full).count();
        let why = match (full, self.known_providers()) {
            (0, _) => "other jobs came first".into(),
            (busy, known) => format!("{busy} of {known} providers were busy all the time"),
        };
        format!(
            "not started within {seconds} s in the queue: {why}; wait longer with --queue-timeout, or use a requester \
             that knows more providers"
        )
    }
}

/// The interval after so many tries: it doubles, is not below the estimate of a busy provider, and differs from job to
/// job.
fn interval_ms(tries: u32, announce_ms: u64, estimate_ms: Option<u64>, job: &JobId) -> u64 {
    let first = announce_ms.max(1).saturating_mul(FIRST_INTERVAL);
    let grown = first.saturating_mul(1 << tries.saturating_sub(1).min(16));
    let interval = grown.max(estimate_ms.unwrap_or(0)).min(MOST_INTERVAL_MS);
    interval - interval / 4 + (interval / 2).saturating_mul(jitter(job, tries)) / JITTER
}

/// Parts of the jitter.
const JITTER: u64 = 256;

/// A number below [`JITTER`] that follows from the job and the number of tries.
fn jitter(job: &JobId, tries: u32) -> u64 {
    let bytes = job.as_bytes();
    let step = usize::try_from(tries).unwrap_or(0) % bytes.len();
    u64::from(bytes[step] ^ bytes[bytes.len() - 1 - step].rotate_left(tries % 8))
}

fn in_words(busy: usize, known: usize, next_ms: u64, ahead: usize) -> String {
    let are = if busy == 1 { "is" } else { "are" };
    let seconds = next_ms.div_ceil(1000);
    format!("queued: {busy} of {known} providers {are} busy, next try in {seconds} s, {}", jobs_ahead(ahead))
}

fn jobs_ahead(ahead: usize) -> String {
    if ahead == 1 { "1 job ahead".into() } else { format!("{ahead} jobs ahead") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_grow_differ_by_job_and_follow_estimates_up_to_a_bound() {
        let jobs: Vec<JobId> = ["a", "b", "q", "x"].map(|letter| letter.repeat(32).parse().unwrap()).into();
        for job in &jobs {
            let intervals = [1, 2, 3, 4, 5, 40].map(|tries| interval_ms(tries, 2_000, None, job));
            for (interval, grown) in intervals.into_iter().zip([4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
                assert!((grown * 3 / 4..=grown * 5 / 4).contains(&interval), "{interval} for {grown}");
            }
            assert!((15_000..=25_000).contains(&interval_ms(1, 2_000, Some(20_000), job)));
            assert!(interval_ms(1, 2_000, Some(u64::MAX), job) <= 75_000);
        }
        let first: BTreeSet<u64> = jobs.iter().map(|job| interval_ms(1, 2_000, None, job)).collect();
        assert!(first.len() > 1, "{first:?}");
    }

    #[test]
    fn what_a_job_waits_for_is_said() {
        assert_eq!(in_words(2, 3, 7_400, 14), "queued: 2 of 3 providers are busy, next try in 8 s, 14 jobs ahead");
        assert_eq!(in_words(1, 1, 0, 1), "queued: 1 of 1 providers is busy, next try in 0 s, 1 job ahead");
    }
}
