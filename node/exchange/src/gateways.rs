//! Several gateways as one provider: the first block is requested from all, later ones from the fastest, and also from
//! the next when it is slow or fails. Each block is answered once, by the first result.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::latency::Latency;
use super::{Answers, BlockProvider, Gateway, Sink};
use bacalhau_cas::{Cid, DataError};

/// The gateways.
#[derive(Debug)]
pub struct Gateways {
    shared: Arc<Shared>,
}

struct Shared {
    /// Never called with `state` locked. An answer after a cancellation is ignored.
    sides: Vec<Arc<dyn BlockProvider>>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    latencies: Vec<Latency>,
    races: BTreeMap<Cid, Race>,
    /// Distinguishes requests of one CID.
    next_number: u64,
    watched: bool,
    closed: bool,
}

/// A block that is on its way.
struct Race {
    number: u64,
    waiting: Vec<Answers>,
    runners: Vec<Runner>,
    /// When to ask the next gateway.
    hedge_at: Instant,
    /// Errors of failed gateways.
    said: Vec<String>,
}

/// A request to send after unlocking.
#[must_use]
struct Ask {
    side: usize,
    cid: Cid,
    answers: Answers,
}

/// A gateway with a request in flight.
struct Runner {
    side: usize,
    running: bool,
}

impl Gateways {
    /// All of these as one.
    pub fn new(gateways: impl IntoIterator<Item = Gateway>) -> Self {
        Self::of(gateways.into_iter().map(|gateway| Arc::new(gateway) as Arc<dyn BlockProvider>).collect())
    }

    /// All of these as one, whatever they are.
    pub(super) fn of(sides: Vec<Arc<dyn BlockProvider>>) -> Self {
        let state = State { latencies: vec![Latency::default(); sides.len()], ..State::default() };
        Self { shared: Arc::new(Shared { sides, state: Mutex::new(state), changed: Condvar::new() }) }
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.shared.sides.is_empty()
    }
}

impl BlockProvider for Gateways {
    fn name(&self) -> String {
        self.shared.sides.iter().map(|side| side.name()).collect::<Vec<_>>().join(", ")
    }

    fn want(&self, cids: &[Cid], answers: &Answers) {
        let shared = &self.shared;
        let Some(first) = cids.first() else { return };
        if shared.sides.is_empty() {
            for cid in cids {
                answers(*cid, Err(DataError::missing(cid, "there is no gateway")));
            }
            return;
        }
        let mut state = shared.lock();
        let raced = if state.next_number == 0 { Some(first) } else { None };
        let mut asks = Vec::new();
        for cid in cids {
            let runners = if raced == Some(cid) { shared.sides.len() } else { 1 };
            asks.extend(shared.begin(&mut state, *cid, answers, runners));
        }
        if !state.watched {
            let watched = Arc::clone(shared);
            // Without the thread, a second gateway is asked only after a failure.
            let watch = thread::Builder::new().name("gateways".into()).spawn(move || watched.watch());
            state.watched = watch.is_ok();
        }
        drop(state);
        shared.changed.notify_all();
        for ask in asks {
            shared.ask(&ask);
        }
    }

    /// From the one that has been the fastest.
    fn fetch_dag(&self, root: &Cid, sink: &mut Sink<'_>) {
        let state = self.shared.lock();
        let best = (0..self.shared.sides.len()).min_by_key(|side| state.latencies[*side].rank());
        drop(state);
        if let Some(best) = best {
            self.shared.sides[best].fetch_dag(root, sink);
        }
    }

    fn cancel(&self, cids: &[Cid]) {
        let mut state = self.shared.lock();
        let gone: Vec<_> = cids.iter().filter_map(|cid| Some((*cid, state.races.remove(cid)?))).collect();
        drop(state);
        for (cid, _race) in gone {
            self.shared.sides.iter().for_each(|side| side.cancel(&[cid]));
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, ask: &Ask) {
        self.sides[ask.side].want(&[ask.cid], &ask.answers);
    }

    fn begin(self: &Arc<Self>, state: &mut State, cid: Cid, answers: &Answers, runners: usize) -> Vec<Ask> {
        if let Some(race) = state.races.get_mut(&cid) {
            race.waiting.push(Arc::clone(answers));
            return Vec::new();
        }
        let number = state.next_number;
        state.next_number += 1;
        let waiting = vec![Arc::clone(answers)];
        let race = Race { number, waiting, runners: Vec::new(), hedge_at: Instant::now(), said: Vec::new() };
        state.races.insert(cid, race);
        (0..runners).filter_map(|_| self.ask_next(state, &cid)).collect()
    }

    /// The request to the best gateway that was not asked for `cid` yet; `None` without one.
    fn ask_next(self: &Arc<Self>, state: &mut State, cid: &Cid) -> Option<Ask> {
        let State { latencies, races, .. } = state;
        let race = races.get_mut(cid)?;
        let idle = (0..self.sides.len()).filter(|side| race.runners.iter().all(|runner| runner.side != *side));
        let side = idle.min_by_key(|side| latencies[*side].rank())?;
        let since = Instant::now();
        race.runners.push(Runner { side, running: true });
        race.hedge_at = since + latencies[side].hedge();
        let (shared, number) = (Arc::downgrade(self), race.number);
        let answers: Answers = Arc::new(move |cid, result| {
            if let Some(shared) = shared.upgrade() {
                shared.answered(side, number, since, cid, result);
            }
        });
        Some(Ask { side, cid: *cid, answers })
    }

    fn answered(
        self: &Arc<Self>,
        side: usize,
        number: u64,
        since: Instant,
        cid: Cid,
        result: Result<Bytes, DataError>,
    ) {
        let mut state = self.lock();
        match &result {
            Ok(_) => state.latencies[side].succeeded(since.elapsed()),
            Err(_) => state.latencies[side].failed(),
        }
        let Some(race) = state.races.get_mut(&cid).filter(|race| race.number == number) else { return };
        let result = match result {
            Ok(bytes) => Ok(bytes),
            Err(error) => {
                race.said.push(words(error));
                race.runners.iter_mut().filter(|runner| runner.side == side).for_each(|runner| runner.running = false);
                let others = race.runners.iter().any(|runner| runner.running);
                let next = self.ask_next(&mut state, &cid);
                if next.is_some() || others {
                    drop(state);
                    if let Some(ask) = &next {
                        self.ask(ask);
                    }
                    return;
                }
                Err(())
            }
        };
        let Some(race) = state.races.remove(&cid) else { return };
        drop(state);
        for runner in race.runners.iter().filter(|runner| runner.running && runner.side != side) {
            self.sides[runner.side].cancel(&[cid]);
        }
        for answers in &race.waiting {
            answers(cid, result.clone().map_err(|()| DataError::missing(&cid, race.said.join("; "))));
        }
    }

    /// Asks further gateways for late blocks, until closed.
    fn watch(self: &Arc<Self>) {
        let mut state = self.lock();
        while !state.closed {
            let now = Instant::now();
            let late: Vec<Cid> =
                state.races.iter().filter(|(_, race)| race.hedge_at <= now).map(|(cid, _)| *cid).collect();
            let mut asks = Vec::new();
            for cid in &late {
                match self.ask_next(&mut state, cid) {
                    Some(ask) => asks.push(ask),
                    None => {
                        if let Some(race) = state.races.get_mut(cid) {
                            // All were asked; their own timeouts apply.
                            race.hedge_at = now + Duration::from_hours(1);
                        }
                    }
                }
            }
            if !asks.is_empty() {
                drop(state);
                for ask in &asks {
                    self.ask(ask);
                }
                state = self.lock();
                continue;
            }
            let next = state.races.values().map(|race| race.hedge_at).min();
            let changed = &self.changed;
            state = match next {
                None => changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let left = at.saturating_duration_since(now);
                    changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

/// Error of a gateway, without the CID prefix.
fn words(error: DataError) -> String {
    match error {
        DataError::Missing { why, .. } | DataError::Corrupt { why, .. } => why,
        other => other.to_string(),
    }
}

impl Drop for Gateways {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closed = true;
        let races = std::mem::take(&mut state.races);
        drop(state);
        self.shared.changed.notify_all();
        for (cid, race) in races {
            self.shared.sides.iter().for_each(|side| side.cancel(&[cid]));
            for answers in race.waiting {
                answers(cid, Err(DataError::missing(&cid, "request was cancelled")));
            }
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateways").field("sides", &self.sides).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
