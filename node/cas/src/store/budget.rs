//! Disk budget of a store: its size is measured at intervals, and additions are counted in between.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::{Lock, Store, lock};
use crate::DataError;

/// Bytes written by this process between measurements of the directory.
const MEASURE_EVERY: u64 = 64 << 20;
/// Size of a section and its index entry besides the block.
const BESIDES: u64 = 128;
/// How long a full store counts as full.
const FULL_FOR: Duration = Duration::from_secs(5);

/// Bytes of a store.
#[derive(Debug, Default)]
pub(super) struct Budget(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Size at the last measurement, and additions since.
    bytes: Option<u64>,
    since: u64,
    full: Option<(Instant, Pinned)>,
}

/// What the last collection could not remove.
#[derive(Clone, Copy, Debug)]
struct Pinned {
    bytes: u64,
    /// Whether it removed nothing because of damaged pinned nodes.
    damaged: bool,
}

impl Budget {
    /// It may pay to collect again.
    pub(super) fn something_was_let_go(&self) {
        lock(&self.0).full = None;
    }

    /// Invalidates the measurement.
    pub(super) fn forget(&self) {
        *lock(&self.0) = State::default();
    }
}

impl Store {
    /// Reserves `len` bytes, with a collection if necessary.
    pub(super) fn reserve(&self, len: u64) -> Result<(), DataError> {
        let (len, max) = (len + BESIDES, self.options.max_bytes);
        let mut state = lock(&self.budget.0);
        let fits = |state: &State| state.bytes.is_some_and(|bytes| bytes.saturating_add(len) <= max);
        if state.since > MEASURE_EVERY || !fits(&state) {
            *state = State { bytes: Some(self.measure()?), since: 0, full: state.full };
        }
        if !fits(&state) {
            let pinned = match state.full {
                Some((when, pinned)) if when.elapsed() < FULL_FOR => pinned,
                _ => {
                    let lock = Lock::exclusive(&self.layout)?;
                    let collected = self.collect_alone((max / 10 * 9).min(max.saturating_sub(len)), &lock)?;
                    *state = State { bytes: Some(self.measure()?), since: 0, full: None };
                    Pinned { bytes: collected.pinned_bytes, damaged: !collected.damaged.is_empty() }
                }
            };
            if !fits(&state) {
                state.full.get_or_insert((Instant::now(), pinned));
                return Err(self.full(len, state.bytes.unwrap_or_default(), pinned));
            }
        }
        state.since += len;
        state.bytes = state.bytes.map(|bytes| bytes + len);
        Ok(())
    }

    /// Bytes on disk, with the indexes that our open packs will have.
    fn measure(&self) -> Result<u64, DataError> {
        let open_packs = self.open_packs.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        Ok(self.layout.usage()? + open_packs.iter().map(|open_pack| open_pack.index_len()).sum::<u64>())
    }

    fn full(&self, len: u64, bytes: u64, pinned: Pinned) -> DataError {
        let max = self.options.max_bytes;
        let Pinned { bytes: pinned, damaged } = pinned;
        if damaged {
            let why = format!(
                "{len} bytes more do not fit: it has {bytes} of {max} bytes, and nothing is evicted while blocks of \
                 pinned data are damaged; see bacalhau ipfs verify"
            );
            return DataError::out_of_bounds(format!("{self:?}"), why);
        }
        let why = format!(
            "{len} bytes more do not fit: it has {bytes} of {max} bytes, of which {pinned} are pinned or in use and \
             the rest is being written; unpin data, or raise the size of the store"
        );
        DataError::out_of_bounds(format!("{self:?}"), why)
    }
}
