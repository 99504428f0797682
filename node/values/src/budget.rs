//! Token buckets: a rate and a burst. Callers decide what happens above the limit: Bitswap delays, the network ignores,
//! the API answers 429.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A rate and a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Tokens added every second.
    pub per_second: u64,
    /// Maximum and initial tokens.
    pub burst: u64,
}

/// A bucket of tokens that may go into debt.
#[derive(Debug)]
pub struct Bucket {
    rate: Rate,
    state: Mutex<(f64, Instant)>,
}

impl Bucket {
    /// A full bucket.
    pub fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, state: Mutex::new((float(rate.burst), now)) }
    }

    /// Takes `tokens`, and returns the time until the debt is paid.
    pub fn take(&self, tokens: u64, now: Instant) -> Duration {
        let mut state = self.filled(now);
        state.0 -= float(tokens);
        self.until(0.0, state.0)
    }

    /// Takes `tokens` if available. More than the burst are taken when the bucket is full.
    ///
    /// # Errors
    /// The time until they are available; none were taken.
    pub fn try_take(&self, tokens: u64, now: Instant) -> Result<(), Duration> {
        let mut state = self.filled(now);
        let needed = float(tokens.min(self.rate.burst));
        if state.0 < needed {
            // At least 1, because a caller that does not wait would be rejected again.
            return Err(self.until(needed, state.0).max(Duration::from_millis(1)));
        }
        state.0 -= float(tokens);
        Ok(())
    }

    /// The used fraction of the burst; 0 when full.
    pub fn spent(&self, now: Instant) -> f64 {
        float(self.rate.burst) - self.filled(now).0
    }

    fn per_second(&self) -> f64 {
        float(self.rate.per_second.max(1))
    }

    fn filled(&self, now: Instant) -> MutexGuard<'_, (f64, Instant)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let gained = now.saturating_duration_since(state.1).as_secs_f64() * self.per_second();
        *state = ((state.0 + gained).min(float(self.rate.burst)), state.1.max(now));
        state
    }

    fn until(&self, wanted: f64, level: f64) -> Duration {
        // A day is longer than anything here lasts.
        Duration::from_secs_f64(((wanted - level) / self.per_second()).clamp(0.0, 86_400.0))
    }
}

/// A bounded map that removes the least recently used entries.
#[derive(Debug)]
pub struct Recent<K, V> {
    most: usize,
    used: u64,
    values: HashMap<K, (u64, V)>,
    order: BTreeMap<u64, K>,
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    /// A map of at most `most` entries.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1), used: 0, values: HashMap::new(), order: BTreeMap::new() }
    }

    /// The value of `key`, created if absent.
    pub fn of(&mut self, key: &K, make: impl FnOnce() -> V) -> &mut V {
        self.used += 1;
        if let Some((used, _)) = self.values.get(key) {
            self.order.remove(used);
        } else if self.values.len() >= self.most
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.values.remove(&oldest);
        }
        self.order.insert(self.used, key.clone());
        let entry = self.values.entry(key.clone()).or_insert_with(|| (0, make()));
        entry.0 = self.used;
        &mut entry.1
    }
}

/// A bucket of the same rate for each key. Above a limit the least recently used keys are removed, so that many keys
/// cost time, not memory.
#[derive(Debug)]
pub struct Buckets<K> {
    rate: Rate,
    buckets: Mutex<Recent<K, Bucket>>,
}

impl<K: Clone + Eq + Hash> Buckets<K> {
    /// Buckets of `rate`, `most` of them at once.
    pub fn new(rate: Rate, most: usize) -> Self {
        Self { rate, buckets: Mutex::new(Recent::new(most)) }
    }

    /// [`Bucket::take`] of the key's bucket.
    pub fn take(&self, key: &K, tokens: u64, now: Instant) -> Duration {
        self.with(key, now, |bucket| bucket.take(tokens, now))
    }

    /// [`Bucket::try_take`] of the key's bucket.
    ///
    /// # Errors
    /// As there.
    pub fn try_take(&self, key: &K, tokens: u64, now: Instant) -> Result<(), Duration> {
        self.with(key, now, |bucket| bucket.try_take(tokens, now))
    }

    fn with<T>(&self, key: &K, now: Instant, then: impl FnOnce(&Bucket) -> T) -> T {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        then(buckets.of(key, || Bucket::new(self.rate, now)))
    }
}

#[expect(clippy::cast_precision_loss, reason = "budgets need no more than 52 bits")]
fn float(tokens: u64) -> f64 {
    tokens as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_bucket_goes_into_debt_and_fills_again() {
        let start = Instant::now();
        let bucket = Bucket::new(Rate { per_second: 10, burst: 20 }, start);
        assert_eq!(bucket.take(20, start), Duration::ZERO);
        assert_eq!(bucket.take(10, start), SECOND);
        assert_eq!(bucket.take(0, start + SECOND), Duration::ZERO);
        assert_eq!(bucket.take(25, start + 100 * SECOND), SECOND / 2, "it holds no more than its burst");
    }

    #[test]
    fn what_is_refused_costs_nothing() {
        let start = Instant::now();
        let bucket = Bucket::new(Rate { per_second: 10, burst: 20 }, start);
        assert_eq!(bucket.try_take(15, start), Ok(()));
        assert_eq!(bucket.try_take(15, start), Err(SECOND));
        assert_eq!(bucket.try_take(15, start), Err(SECOND));
        assert_eq!(bucket.try_take(15, start + SECOND), Ok(()));
        assert_eq!(bucket.try_take(100, start + 100 * SECOND), Ok(()), "more than it holds, when it is full");
        assert_eq!(bucket.try_take(1, start + 100 * SECOND), Err(8 * SECOND + SECOND / 10));
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let before = Instant::now();
        let start = before + SECOND;
        let bucket = Bucket::new(Rate { per_second: 10, burst: 10 }, start);
        assert_eq!(bucket.take(10, start), Duration::ZERO);
        assert_eq!(bucket.try_take(1, before), Err(SECOND / 10));
        assert_eq!(bucket.try_take(10, start), Err(SECOND));
    }

    #[test]
    fn each_key_has_its_own_and_the_least_used_is_forgotten() {
        let now = Instant::now();
        let buckets = Buckets::new(Rate { per_second: 1, burst: 1 }, 2);
        assert_eq!(buckets.try_take(&'a', 1, now), Ok(()));
        assert_eq!(buckets.try_take(&'b', 1, now), Ok(()));
        assert_eq!(buckets.try_take(&'a', 1, now), Err(SECOND));
        assert_eq!(buckets.try_take(&'c', 1, now), Ok(()), "b is forgotten, a was used since");
        assert_eq!(buckets.try_take(&'a', 1, now), Err(SECOND));
        assert_eq!(buckets.take(&'b', 2, now), SECOND);
    }
}
