//! How much of the disk a store may take: what is there is measured now and then, what is added is counted between.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::{Lock, Store, lock};
use crate::DataError;

/// Bytes of our own between two looks at what others have added.
const MEASURE_EVERY: u64 = 64 << 20;
/// What a section and its index entry have besides the block.
const BESIDES: u64 = 128;
/// How long a full store is taken to be full.
const FULL_FOR: Duration = Duration::from_secs(5);

/// Bytes of a store.
#[derive(Debug, Default)]
pub(super) struct Budget(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Bytes at the last look, and those since.
    bytes: Option<u64>,
    since: u64,
    full: Option<(Instant, Pinned)>,
}

/// What the last collection could not drop.
#[derive(Clone, Copy, Debug)]
struct Pinned {
    bytes: u64,
    /// Whether it could drop nothing, since nodes of what is pinned are damaged.
    damaged: bool,
}

impl Budget {
    /// It may pay to collect again.
    pub(super) fn something_was_let_go(&self) {
        lock(&self.0).full = None;
    }

    /// What is known is no longer so.
    pub(super) fn forget(&self) {
        *lock(&self.0) = State::default();
    }
}

impl Store {
    /// Makes room for a block of `len` bytes, by collecting if there is none.
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

    /// Bytes on disk, with the indexes that our drafts will have.
    fn measure(&self) -> Result<u64, DataError> {
        let drafts = self.drafts.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        Ok(self.layout.usage()? + drafts.iter().map(|draft| draft.index_len()).sum::<u64>())
    }

    fn full(&self, len: u64, bytes: u64, pinned: Pinned) -> DataError {
        let max = self.options.max_bytes;
        let Pinned { bytes: pinned, damaged } = pinned;
        if damaged {
            let why = format!(
                "{len} bytes more do not fit: it has {bytes} of {max} bytes, and nothing is dropped while blocks of pinned data \
                 are damaged; see bacalhau ipfs verify"
            );
            return DataError::out_of_bounds(format!("{self:?}"), why);
        }
        let why = format!(
            "{len} bytes more do not fit: it has {bytes} of {max} bytes, of which {pinned} are pinned or in use and the rest is \
             being written; unpin what is not needed, or allow it more"
        );
        DataError::out_of_bounds(format!("{self:?}"), why)
    }
}
