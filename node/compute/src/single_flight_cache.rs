//! A single-flight cache: concurrent requests for a key compute its value once. Unused values are dropped, except for
//! the most recent ones.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bacalhau_tree::{Deadline, HostFailure};

/// Interval at which a waiting thread checks its own deadline.
const BEAT: Duration = Duration::from_millis(20);

/// The cache. Values are computed and dropped outside of the lock, because both may be slow and call anything.
pub(super) struct SingleFlightCache<K: Ord, V> {
    state: Mutex<State<K, V>>,
    made: Condvar,
    most_recent: usize,
}

struct State<K, V> {
    places: BTreeMap<K, Place<V>>,
    recent: VecDeque<(K, Arc<V>)>,
}

enum Place<V> {
    /// A thread computes it.
    Underway,
    Made(Weak<V>),
}

impl<K: Ord + Clone, V> SingleFlightCache<K, V> {
    /// A cache that keeps the `most_recent` values even when unused.
    pub(super) fn new(most_recent: usize) -> Self {
        let state = State { places: BTreeMap::new(), recent: VecDeque::new() };
        Self { state: Mutex::new(state), made: Condvar::new(), most_recent }
    }

    /// The value of `key`, computed by `make` if absent. Other threads wait, each until its own deadline; after an
    /// error the next one computes.
    pub(super) fn get_or<E: From<HostFailure>>(
        &self,
        key: &K,
        deadline: &Deadline,
        make: impl FnOnce() -> Result<V, E>,
    ) -> Result<Arc<V>, E> {
        if let Some(value) = self.made(key, deadline)? {
            return Ok(value);
        }
        let guard = FlightGuard { once: self, key };
        let value = make().map(Arc::new)?;
        self.put(key, Arc::clone(&value));
        drop(guard);
        Ok(value)
    }

    /// The value, if it is present or another thread computes it in time. `None`: the caller must compute it.
    fn made(&self, key: &K, deadline: &Deadline) -> Result<Option<Arc<V>>, HostFailure> {
        let mut state = self.state();
        loop {
            match state.places.get(key) {
                Some(Place::Underway) => {}
                Some(Place::Made(value)) if value.strong_count() > 0 => {
                    // It may be dropped at this moment; then it is computed again.
                    if let Some(value) = value.upgrade() {
                        return Ok(Some(value));
                    }
                    continue;
                }
                Some(Place::Made(_)) | None => {
                    state.places.insert(key.clone(), Place::Underway);
                    return Ok(None);
                }
            }
            deadline.check()?;
            state = self.made.wait_timeout(state, BEAT).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Inserts an existing value, replacing the old one.
    pub(super) fn put(&self, key: &K, value: Arc<V>) {
        let mut state = self.state();
        let alive = |place: &Place<V>| !matches!(place, Place::Made(value) if value.strong_count() == 0);
        state.places.retain(|_, place| alive(place));
        state.places.insert(key.clone(), Place::Made(Arc::downgrade(&value)));
        state.recent.push_back((key.clone(), value));
        let old = if state.recent.len() > self.most_recent { state.recent.pop_front() } else { None };
        drop(state);
        drop(old);
        self.made.notify_all();
    }

    /// Makes the next request for `key` compute a new value.
    pub(super) fn renew(&self, key: &K) {
        let mut state = self.state();
        if matches!(state.places.get(key), Some(Place::Made(_))) {
            state.places.remove(key);
        }
        drop(state);
        self.forget(key);
    }

    /// Drops the value of `key` as soon as it is unused.
    pub(super) fn forget(&self, key: &K) {
        let mut state = self.state();
        let (old, kept): (VecDeque<_>, _) =
            std::mem::take(&mut state.recent).into_iter().partition(|(other, _)| other == key);
        state.recent = kept;
        drop(state);
        drop(old);
    }
}

impl<K: Ord, V> SingleFlightCache<K, V> {
    fn state(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Permission of a thread to compute a value. When dropped without one, after an error or a panic, another thread may
/// compute.
struct FlightGuard<'a, K: Ord, V> {
    once: &'a SingleFlightCache<K, V>,
    key: &'a K,
}

impl<K: Ord, V> Drop for FlightGuard<'_, K, V> {
    fn drop(&mut self) {
        let mut state = self.once.state();
        if matches!(state.places.get(self.key), Some(Place::Underway)) {
            state.places.remove(self.key);
        }
        drop(state);
        self.once.made.notify_all();
    }
}

impl<K: Ord, V> fmt::Debug for SingleFlightCache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleFlightCache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_thing_is_made_once_for_all_who_want_it() {
        let (once, made) = (SingleFlightCache::new(0), AtomicU32::new(0));
        let make = || Ok::<_, HostFailure>(made.fetch_add(1, Ordering::SeqCst));
        let barrier = std::sync::Barrier::new(4);
        let all: Vec<Arc<u32>> = std::thread::scope(|scope| {
            let ask = || {
                let value = once.get_or(&1, &Deadline::never(), make).unwrap();
                barrier.wait();
                value
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(all.iter().all(|value| Arc::ptr_eq(value, &all[0])));
        drop(all);
        assert_eq!(*once.get_or(&1, &Deadline::never(), make).unwrap(), 1, "nobody had it any more");
    }

    #[test]
    fn the_latest_are_kept_until_they_are_forgotten_and_errors_never() {
        let once = SingleFlightCache::new(1);
        let get = |key, value: u32| once.get_or(&key, &Deadline::never(), || Ok::<_, HostFailure>(value)).unwrap();
        let no = once.get_or(&1, &Deadline::never(), || Err::<u32, _>(HostFailure::new("no")));
        assert_eq!(no.unwrap_err().to_string(), "no");
        assert_eq!(*get(1, 7), 7);
        assert_eq!(*get(1, 8), 7);
        once.forget(&1);
        assert_eq!(*get(1, 9), 9);
        assert_eq!(*get(2, 10), 10);
        let held = get(1, 11);
        assert_eq!(*held, 11, "one is kept");
        once.renew(&1);
        assert_eq!(*get(1, 12), 12, "though somebody has the old one");
    }

    #[test]
    fn one_that_is_never_made_is_waited_for_until_the_deadline_and_after_a_panic_another_tries() {
        let once = SingleFlightCache::new(1);
        let (begun, begins) = mpsc::channel();
        let (go, gate) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            let once = &once;
            let blocked = scope.spawn(move || {
                once.get_or(&1, &Deadline::never(), || -> Result<u32, HostFailure> {
                    begun.send(()).unwrap();
                    gate.recv().unwrap_or_default();
                    panic!("on purpose")
                })
            });
            begins.recv().unwrap();
            let soon = Deadline::new(Duration::from_millis(10));
            let late = once.get_or(&1, &soon, || Ok::<_, HostFailure>(1)).unwrap_err();
            assert!(late.is_timeout(), "{late}");
            assert_eq!(*once.get_or(&2, &soon, || Ok::<_, HostFailure>(2)).unwrap(), 2, "others are not held up");
            go.send(()).unwrap();
            assert!(blocked.join().is_err());
            assert_eq!(*once.get_or(&1, &Deadline::never(), || Ok::<_, HostFailure>(3)).unwrap(), 3);
        });
    }
}
