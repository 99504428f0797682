//! Heartbeats of local executions, sent by a separate thread that waits neither for the event loop nor for a disk, so
//! that a busy node does not look like a failed one. The schedule is pure; the simulation uses it too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use libp2p_identity::PeerId;
use multiaddr::Multiaddr;

use super::Clock;
use bacalhau_job::ExecutionId;
use bacalhau_network::Transport;
use bacalhau_protocol::{Message, Running};

/// Message number of all heartbeats, whose replies are ignored. The outbox counts from 1.
pub(super) const HEARTBEAT: u64 = 0;
/// Maximum sleep; has no other effect.
const LONGEST: Duration = Duration::from_mins(1);

/// The heartbeat of one execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The running execution.
    pub execution: ExecutionId,
    /// The requester.
    pub to: PeerId,
    /// Multiaddrs at which the requester may be reached.
    pub addrs: Vec<String>,
    /// Milliseconds between two heartbeats.
    pub every_ms: u64,
}

/// The heartbeats of a node, and when each is due.
#[derive(Debug, Default)]
pub struct Schedule {
    heartbeats: BTreeMap<ExecutionId, (u64, Heartbeat)>,
    due: BTreeSet<(u64, ExecutionId)>,
}

impl Schedule {
    /// Begins `heartbeat`, in place of another one of its execution. It is due one interval from now.
    pub fn start(&mut self, heartbeat: Heartbeat, now_ms: u64) {
        self.stop(&heartbeat.execution);
        self.put(heartbeat, now_ms);
    }

    /// Ends the heartbeat of `execution`.
    pub fn stop(&mut self, execution: &ExecutionId) {
        if let Some((due_ms, heartbeat)) = self.heartbeats.remove(execution) {
            self.due.remove(&(due_ms, heartbeat.execution));
        }
    }

    /// The heartbeats that are due at `now_ms`. The next of each is due one interval after that.
    pub fn take_due(&mut self, now_ms: u64) -> Vec<Heartbeat> {
        let mut taken = Vec::new();
        while let Some((due_ms, execution)) = self.due.first().copied().filter(|(due_ms, _)| *due_ms <= now_ms) {
            self.due.remove(&(due_ms, execution));
            if let Some((_, heartbeat)) = self.heartbeats.remove(&execution) {
                self.put(heartbeat.clone(), now_ms);
                taken.push(heartbeat);
            }
        }
        taken
    }

    /// When the next one is due.
    pub fn next_ms(&self) -> Option<u64> {
        self.due.first().map(|(due_ms, _)| *due_ms)
    }

    fn put(&mut self, heartbeat: Heartbeat, now_ms: u64) {
        let due_ms = now_ms.saturating_add(heartbeat.every_ms.max(1));
        self.due.insert((due_ms, heartbeat.execution));
        self.heartbeats.insert(heartbeat.execution, (due_ms, heartbeat));
    }
}

/// The thread that sends them. It ends when this is dropped.
pub(super) struct Heartbeats {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Clock,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    schedule: Schedule,
    ended: bool,
}

impl Heartbeats {
    /// Starts the thread. It sends over `transport` by the time of `clock`.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub(super) fn begin(clock: Clock, transport: Arc<dyn Transport>) -> io::Result<Self> {
        let inner = Arc::new(Inner { clock, state: Mutex::default(), changed: Condvar::new() });
        let sender = Arc::clone(&inner);
        thread::Builder::new().name("heartbeats".into()).spawn(move || {
            while let Some(due) = sender.wait() {
                for Heartbeat { execution, to, addrs, .. } in due {
                    let addrs: Vec<Multiaddr> = addrs.iter().filter_map(|addr| addr.parse().ok()).collect();
                    transport.send(HEARTBEAT, to, &addrs, &Message::Running(Running { execution }));
                }
            }
        })?;
        Ok(Self { inner })
    }

    /// Starts a heartbeat; see [`Schedule::start`].
    pub(super) fn start(&self, heartbeat: Heartbeat) {
        let now_ms = self.inner.clock.now_ms();
        self.inner.state().schedule.start(heartbeat, now_ms);
        self.inner.changed.notify_one();
    }

    /// Stops a heartbeat; see [`Schedule::stop`].
    pub(super) fn stop(&self, execution: &ExecutionId) {
        self.inner.state().schedule.stop(execution);
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until heartbeats are due; `None` at the end. They are sent outside of the lock.
    fn wait(&self) -> Option<Vec<Heartbeat>> {
        let mut state = self.state();
        while !state.ended {
            let due = state.schedule.take_due(self.clock.now_ms());
            if !due.is_empty() {
                return Some(due);
            }
            let wait = state.schedule.next_ms().map_or(LONGEST, |at_ms| self.clock.until(at_ms).min(LONGEST));
            let woken = self.changed.wait_timeout(state, wait);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        None
    }
}

impl Drop for Heartbeats {
    fn drop(&mut self) {
        self.inner.state().ended = true;
        self.inner.changed.notify_one();
    }
}

impl fmt::Debug for Heartbeats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} heartbeats", self.inner.state().schedule.heartbeats.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heartbeat(number: u16, every_ms: u64) -> Heartbeat {
        let job: bacalhau_job::JobId = "a".repeat(32).parse().unwrap();
        Heartbeat { execution: job.execution(0, number), to: PeerId::random(), addrs: Vec::new(), every_ms }
    }

    #[test]
    fn each_is_due_after_its_own_interval_until_it_is_stopped() {
        let mut schedule = Schedule::default();
        assert_eq!(schedule.next_ms(), None);
        let (quick, slow) = (heartbeat(1, 10), heartbeat(2, 25));
        schedule.start(quick.clone(), 100);
        schedule.start(slow.clone(), 100);
        assert_eq!((schedule.next_ms(), schedule.take_due(109)), (Some(110), vec![]));
        assert_eq!(schedule.take_due(110), std::slice::from_ref(&quick));
        // A delayed heartbeat is sent once, and not for each missed interval.
        assert_eq!(schedule.take_due(1000), [quick.clone(), slow.clone()]);
        assert_eq!(schedule.next_ms(), Some(1010));
        let again = Heartbeat { every_ms: 500, ..quick.clone() };
        schedule.start(again, 1000);
        assert_eq!(schedule.next_ms(), Some(1025), "one heartbeat for each execution");
        schedule.stop(&slow.execution);
        schedule.stop(&quick.execution);
        assert_eq!((schedule.next_ms(), schedule.take_due(u64::MAX)), (None, vec![]));
    }
}
