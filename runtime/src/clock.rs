//! The guest's clock: a function of the job's epoch and of what the guest did. It never looks at the host's.

/// How far one look moves the clock: 1 ms, so that a program that waits for time to pass gets there.
pub(crate) const LOOK_NANOS: u64 = 1_000_000;

/// Virtual time in nanoseconds. It stands still but for looks and sleeps, and stops at the end of what 64 bits hold.
#[derive(Debug)]
pub(crate) struct Clock {
    epoch: u64,
    elapsed: u64,
}

impl Clock {
    pub(crate) fn starting_at(epoch_seconds: u64) -> Self {
        Self { epoch: epoch_seconds.saturating_mul(1_000_000_000), elapsed: 0 }
    }

    /// Nanoseconds since 1970, without a look: what changes of files are stamped with.
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

    /// Moves the clock on. Nobody waits.
    pub(crate) fn sleep(&mut self, nanos: u64) {
        self.elapsed = self.elapsed.saturating_add(nanos);
    }
}
