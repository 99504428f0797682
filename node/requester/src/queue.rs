//! Jobs that have not found their providers. A bounded number of them looks for providers at once; the others wait in
//! the order of their submission by client. Clients are served by deficit round robin, with weights of the operator. Has
//! no clock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use libp2p_identity::PeerId;

use bacalhau_job::JobId;

/// Highest cost of one job in turns: a job of many shards does not wait longer for its turn.
const MOST_COST: u64 = 64;
/// Busy providers of a job that wake it; of more, the interval does.
const MOST_WAKING: usize = 8;

/// Position of a job among those of its client: time of submission and id. It is the same after a restart.
type Key = (u64, JobId);

/// Jobs without all of their executions.
#[derive(Debug)]
pub(super) struct Queue {
    /// Maximum jobs that look for providers at once.
    most_bidding: usize,
    weights: Arc<BTreeMap<PeerId, u32>>,
    jobs: BTreeMap<JobId, Place>,
    clients: BTreeMap<PeerId, Client>,
    /// Clients with jobs that may begin, the next one first.
    ring: VecDeque<PeerId>,
    /// Ends of intervals and of bidding times.
    times: BTreeSet<(u64, JobId)>,
    /// Whether the next client has its credit of this round.
    credited: bool,
    /// Jobs that wait for an interval, by busy provider and client.
    waking: BTreeMap<(PeerId, PeerId), BTreeSet<Key>>,
    bidding: usize,
    changed: bool,
}

/// A job in the queue.
#[derive(Debug)]
struct Place {
    client: PeerId,
    key: Key,
    cost: u64,
    state: State,
    /// Busy providers that wake it.
    waking: Vec<PeerId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Begins when it is its turn.
    Ready,
    /// Waits until this time.
    Until(u64),
    /// Looks for providers until this time.
    Bidding(u64),
}

#[derive(Debug, Default)]
struct Client {
    /// All jobs, also those that look for providers.
    jobs: usize,
    waiting: BTreeSet<Key>,
    ready: BTreeSet<Key>,
    deficit: u64,
}

/// Something that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// The bidding time of a job has ended.
    BiddingEnds(JobId),
    /// Its interval has ended, and it is ready.
    Ready,
}

impl Queue {
    pub(super) fn new(most_bidding: usize, weights: Arc<BTreeMap<PeerId, u32>>) -> Self {
        Self {
            most_bidding: most_bidding.max(1),
            weights,
            jobs: BTreeMap::new(),
            clients: BTreeMap::new(),
            ring: VecDeque::new(),
            times: BTreeSet::new(),
            credited: false,
            waking: BTreeMap::new(),
            bidding: 0,
            changed: false,
        }
    }

    /// Adds a job, which may begin at once. Its cost is the number of executions that it needs.
    pub(super) fn insert(&mut self, job: JobId, client: PeerId, created_ms: u64, cost: u64) {
        let place = Place {
            client,
            key: (created_ms, job),
            cost: cost.clamp(1, MOST_COST),
            state: State::Ready,
            waking: Vec::new(),
        };
        if self.jobs.contains_key(&job) {
            return;
        }
        self.clients.entry(client).or_default().jobs += 1;
        self.changed = true;
        self.jobs.insert(job, place);
        self.enter(job, State::Ready);
    }

    /// Removes a job. Idempotent.
    pub(super) fn remove(&mut self, job: &JobId) {
        self.leave(job);
        let Some(place) = self.jobs.remove(job) else { return };
        self.changed = true;
        if let Some(client) = self.clients.get_mut(&place.client) {
            client.jobs -= 1;
            if client.jobs == 0 {
                self.clients.remove(&place.client);
            }
        }
    }

    /// The next job that may begin, if there are not enough already. It counts as bidding from then on.
    pub(super) fn next(&mut self) -> Option<JobId> {
        if self.bidding >= self.most_bidding {
            return None;
        }
        loop {
            let name = *self.ring.front()?;
            let first = self.clients.get(&name).and_then(|client| client.ready.first().copied());
            let Some((_, job)) = first else {
                self.ring.pop_front();
                self.credited = false;
                if let Some(client) = self.clients.get_mut(&name) {
                    client.deficit = 0;
                }
                continue;
            };
            let cost = self.jobs.get(&job).map_or(1, |place| place.cost);
            let client = self.clients.get_mut(&name)?;
            if !std::mem::replace(&mut self.credited, true) {
                client.deficit += u64::from(self.weights.get(&name).copied().unwrap_or(1).max(1));
            }
            if client.deficit >= cost {
                client.deficit -= cost;
                return Some(job);
            }
            self.ring.rotate_left(1);
            self.credited = false;
        }
    }

    /// A job looks for providers until `until_ms`.
    pub(super) fn begin(&mut self, job: JobId, until_ms: u64) {
        self.leave(&job);
        self.enter(job, State::Bidding(until_ms));
    }

    /// A job waits until `until_ms`, or until an execution ends at one of these busy providers.
    pub(super) fn wait(&mut self, job: JobId, until_ms: u64, busy: impl Iterator<Item = PeerId>) {
        self.leave(&job);
        let Some(place) = self.jobs.get_mut(&job) else { return };
        place.waking = busy.take(MOST_WAKING).collect();
        self.enter(job, State::Until(until_ms));
    }

    /// An execution has ended at `provider`: the first waiting job of each client that it was too busy for is ready.
    pub(super) fn wake(&mut self, provider: &PeerId) {
        let first = |client: &PeerId| self.waking.get(&(*provider, *client))?.first().map(|(_, job)| *job);
        let first: Vec<JobId> = self.clients.keys().filter_map(first).collect();
        for job in first {
            self.leave(&job);
            self.enter(job, State::Ready);
        }
    }

    /// Takes what is due. Jobs whose interval has ended are ready.
    pub(super) fn due(&mut self, now_ms: u64) -> Option<Due> {
        let (_, job) = self.times.first().copied().filter(|(at_ms, _)| *at_ms <= now_ms)?;
        if let State::Bidding(_) = self.jobs.get(&job)?.state {
            return Some(Due::BiddingEnds(job));
        }
        self.leave(&job);
        self.enter(job, State::Ready);
        Some(Due::Ready)
    }

    /// When something is due next.
    pub(super) fn deadline(&self) -> Option<u64> {
        self.times.first().map(|(at_ms, _)| *at_ms)
    }

    /// Whether another job may begin.
    pub(super) fn has_room(&self) -> bool {
        self.bidding < self.most_bidding
    }

    /// Number of jobs that look for providers.
    pub(super) fn bidding(&self) -> usize {
        self.bidding
    }

    /// How many waiting jobs come before `job`, as the clients are served now.
    pub(super) fn ahead(&self, job: &JobId) -> usize {
        let Some(place) = self.jobs.get(job) else { return 0 };
        let weight = |name: &PeerId| usize::try_from(self.weights.get(name).copied().unwrap_or(1).max(1)).unwrap_or(1);
        let own = self.clients.get(&place.client).map_or(0, |client| client.waiting.range(..place.key).count());
        let rounds = own.div_ceil(weight(&place.client));
        let others = self.clients.iter().filter(|(name, _)| **name != place.client);
        own + others.map(|(name, client)| client.waiting.len().min(rounds * weight(name))).sum::<usize>()
    }

    /// Number of jobs by client, if it changed since the last call.
    pub(super) fn take_counts(&mut self) -> Option<BTreeMap<PeerId, usize>> {
        let counts = || self.clients.iter().map(|(name, client)| (*name, client.jobs)).collect();
        std::mem::take(&mut self.changed).then(counts)
    }

    fn enter(&mut self, job: JobId, state: State) {
        let Some(place) = self.jobs.get_mut(&job) else { return };
        place.state = state;
        let Some(client) = self.clients.get_mut(&place.client) else { return };
        match state {
            State::Ready => {
                client.waiting.insert(place.key);
                client.ready.insert(place.key);
                if !self.ring.contains(&place.client) {
                    self.ring.push_back(place.client);
                }
            }
            State::Until(at_ms) => {
                client.waiting.insert(place.key);
                self.times.insert((at_ms, job));
                for provider in &place.waking {
                    self.waking.entry((*provider, place.client)).or_default().insert(place.key);
                }
            }
            State::Bidding(until_ms) => {
                self.times.insert((until_ms, job));
                self.bidding += 1;
            }
        }
    }

    fn leave(&mut self, job: &JobId) {
        let Some(place) = self.jobs.get_mut(job) else { return };
        if let Some(client) = self.clients.get_mut(&place.client) {
            client.waiting.remove(&place.key);
            client.ready.remove(&place.key);
        }
        for provider in std::mem::take(&mut place.waking) {
            let of = (provider, place.client);
            if let Some(keys) = self.waking.get_mut(&of) {
                keys.remove(&place.key);
                if keys.is_empty() {
                    self.waking.remove(&of);
                }
            }
        }
        match place.state {
            State::Ready => {}
            State::Until(at_ms) => drop(self.times.remove(&(at_ms, *job))),
            State::Bidding(until_ms) => {
                self.times.remove(&(until_ms, *job));
                self.bidding -= 1;
            }
        }
        place.state = State::Ready;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(number: u8) -> JobId {
        String::from(char::from(b'a' + number)).repeat(32).parse().unwrap()
    }

    /// A queue of `most` jobs at once, in which each client has given so many jobs.
    fn queue(most: usize, weights: &[(PeerId, u32)], jobs: &[(PeerId, u8)]) -> Queue {
        let mut queue = Queue::new(most, Arc::new(weights.iter().copied().collect()));
        let mut number = 0;
        for (client, count) in jobs {
            for _ in 0..*count {
                number += 1;
                queue.insert(job(number), *client, u64::from(number), 1);
            }
        }
        queue
    }

    /// The order in which all jobs begin, by client.
    fn order(queue: &mut Queue) -> Vec<PeerId> {
        let mut order = Vec::new();
        while let Some(job) = queue.next() {
            order.push(queue.jobs[&job].client);
            queue.begin(job, 1);
            queue.remove(&job);
        }
        order
    }

    #[test]
    fn clients_take_turns_by_their_weights() {
        let [one, two] = [(); 2].map(|()| PeerId::random());
        let mut fair = queue(1, &[], &[(one, 5), (two, 2)]);
        assert_eq!(order(&mut fair), [one, two, one, two, one, one, one]);
        let mut weighted = queue(1, &[(two, 2)], &[(one, 3), (two, 4)]);
        assert_eq!(order(&mut weighted), [one, two, two, one, two, two, one]);
        assert!(fair.jobs.is_empty() && fair.clients.is_empty() && fair.times.is_empty() && fair.bidding == 0);
    }

    #[test]
    fn a_job_of_many_executions_costs_as_many_turns() {
        let [one, two] = [(); 2].map(|()| PeerId::random());
        let mut queue = queue(1, &[], &[(one, 4)]);
        queue.insert(job(9), two, 0, 3);
        assert_eq!(order(&mut queue), [one, one, one, two, one]);
    }

    #[test]
    fn so_many_begin_at_once_and_the_others_know_how_many_are_ahead() {
        let [one, two] = [(); 2].map(|()| PeerId::random());
        let mut queue = queue(2, &[], &[(one, 5), (two, 1)]);
        for _ in 0..2 {
            let next = queue.next().unwrap();
            queue.begin(next, 10);
        }
        assert_eq!((queue.next(), queue.bidding(), queue.has_room()), (None, 2, false));
        assert_eq!([2, 3, 5].map(|number| queue.ahead(&job(number))), [0, 1, 3]);
        queue.wait(job(1), 20, std::iter::empty());
        assert_eq!(queue.next(), Some(job(2)), "one has ended its bidding");
        assert_eq!(queue.ahead(&job(2)), 1, "the first one was submitted before");
    }

    #[test]
    fn an_interval_ends_by_time_or_with_an_execution_at_a_busy_provider() {
        let [one, two, busy, other] = [(); 4].map(|()| PeerId::random());
        let mut queue = queue(9, &[], &[(one, 2), (two, 1)]);
        for number in 1..4 {
            queue.begin(job(number), 10);
            queue.wait(job(number), 100 + u64::from(number), [busy].into_iter());
        }
        assert_eq!((queue.next(), queue.deadline()), (None, Some(101)));
        queue.wake(&other);
        assert_eq!(queue.next(), None, "nothing waits for that one");
        queue.wake(&busy);
        let mut woken = BTreeSet::new();
        while let Some(next) = queue.next() {
            queue.begin(next, 200);
            woken.insert(next);
        }
        assert_eq!(woken, BTreeSet::from([job(1), job(3)]), "the first one of each client");
        assert_eq!(queue.due(101), None);
        assert_eq!((queue.due(102), queue.next()), (Some(Due::Ready), Some(job(2))));
        queue.begin(job(2), 150);
        assert_eq!(queue.due(150), Some(Due::BiddingEnds(job(2))));
    }

    #[test]
    fn jobs_are_counted_by_client_as_long_as_they_are_here() {
        let one = PeerId::random();
        let mut queue = queue(1, &[], &[(one, 3)]);
        assert_eq!(queue.take_counts(), Some(BTreeMap::from([(one, 3)])));
        queue.begin(job(1), 5);
        assert_eq!(queue.take_counts(), None);
        (1..4).for_each(|number| queue.remove(&job(number)));
        assert_eq!(queue.take_counts(), Some(BTreeMap::new()));
    }
}
