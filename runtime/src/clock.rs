//! The guest's virtual clock: a function of the job's epoch and of the guest's calls, independent of the host's clock.

/// How far one look moves the clock: 1 ms, so that a program that waits for time to pass gets there.
pub(crate) const LOOK_NANOS: u64 = 1_000_000;

/// Virtual time in nanoseconds. It advances only by reads and sleeps, and saturates at 64 bits.
#[derive(Debug)]
pub(crate) struct Clock {
    epoch: u64,
    elapsed: u64,
}

impl Clock {
    pub(crate) fn starting_at(epoch_seconds: u64) -> Self {
        Self { epoch: epoch_seconds.saturating_mul(1_000_000_000), elapsed: 0 }
    }

    /// Nanoseconds since 1970, without advancing: used as modification time of files.
    pub(crate) fn now(&self) -> u64 {
        self.epoch.saturating_add(self.elapsed)
    }

    /// Nanoseconds since the run began, without a look.
    pub(crate) fn elapsed(&self) -> u64 {
        self.elapsed
    }

    /// Where the clock started, in nanoseconds since 1970.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Moves the clock on, after the guest looked at it.
    pub(crate) fn looked(&mut self) {
        self.sleep(LOOK_NANOS);
    }

    /// Advances the clock without waiting.
    pub(crate) fn sleep(&mut self, nanos: u64) {
        self.elapsed = self.elapsed.saturating_add(nanos);
    }
}
