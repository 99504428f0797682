//! Things that are made once however many ask for them at the same time, and that are dropped when nobody has them any
//! more, but for the latest ones.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Where one thing is made, by one thread at a time.
type Slot<V> = Arc<Mutex<Weak<V>>>;

/// The things.
pub(super) struct Once<K, V> {
    slots: Mutex<BTreeMap<K, Slot<V>>>,
    recent: Mutex<VecDeque<(K, Arc<V>)>>,
    most_recent: usize,
}

impl<K: Ord + Clone, V> Once<K, V> {
    /// Keeps the `most_recent` latest ones also while nobody has them.
    pub(super) fn new(most_recent: usize) -> Self {
        Self { slots: Mutex::default(), recent: Mutex::default(), most_recent }
    }

    /// The thing of `key`, which `make` makes if it is not there. Others who ask for it wait meanwhile; after an error
    /// the next of them tries.
    pub(super) fn get_or<E>(&self, key: &K, make: impl FnOnce() -> Result<V, E>) -> Result<Arc<V>, E> {
        let slot = {
            let mut slots = lock(&self.slots);
            // A slot that somebody is at is held by them too.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1 || lock(slot).strong_count() > 0);
            Arc::clone(slots.entry(key.clone()).or_default())
        };
        let mut place = lock(&slot);
        if let Some(value) = place.upgrade() {
            return Ok(value);
        }
        let value = Arc::new(make()?);
        *place = Arc::downgrade(&value);
        let mut recent = lock(&self.recent);
        recent.push_back((key.clone(), Arc::clone(&value)));
        if recent.len() > self.most_recent {
            recent.pop_front();
        }
        Ok(value)
    }

    /// Does not keep the thing of `key` any longer than somebody has it.
    pub(super) fn forget(&self, key: &K) {
        lock(&self.recent).retain(|(other, _)| other != key);
    }
}

impl<K, V> fmt::Debug for Once<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

/// What panicked while it was made is not there, and nothing else is half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_thing_is_made_once_for_all_who_want_it() {
        let (once, made) = (Once::new(0), AtomicU32::new(0));
        let make = || Ok::<_, Infallible>(made.fetch_add(1, Ordering::SeqCst));
        let barrier = std::sync::Barrier::new(4);
        let all: Vec<Arc<u32>> = std::thread::scope(|scope| {
            let ask = || {
                let value = once.get_or(&1, make).unwrap();
                barrier.wait();
                value
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(all.iter().all(|value| Arc::ptr_eq(value, &all[0])));
        drop(all);
        assert_eq!(*once.get_or(&1, make).unwrap(), 1, "nobody had it any more");
    }

    #[test]
    fn the_latest_are_kept_until_they_are_forgotten_and_errors_never() {
        let once = Once::new(1);
        assert_eq!(once.get_or(&1, || Err::<u32, _>("no")), Err("no"));
        assert_eq!(*once.get_or(&1, || Ok::<_, &str>(7)).unwrap(), 7);
        assert_eq!(*once.get_or(&1, || Ok::<_, &str>(8)).unwrap(), 7);
        once.forget(&1);
        assert_eq!(*once.get_or(&1, || Ok::<_, &str>(9)).unwrap(), 9);
        assert_eq!(*once.get_or(&2, || Ok::<_, &str>(10)).unwrap(), 10);
        assert_eq!(*once.get_or(&1, || Ok::<_, &str>(11)).unwrap(), 11, "one is kept");
    }
}
