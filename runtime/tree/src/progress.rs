//! Counters of a run in progress. Written by the run, read by any thread without a lock; they do not affect results.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// How far a run is. Each number is read on its own, so they may be of slightly different moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Progress {
    /// Fuel used, as of the program's latest call of the host; exact when the run has ended.
    pub fuel: u64,
    /// Bytes that the program has read from its inputs.
    pub bytes_in: u64,
    /// Bytes that the host has hashed: of the inputs, then of the results.
    pub bytes_hashed: u64,
    /// Bytes of all files of the program, standard output and standard error included.
    pub bytes_out: u64,
    /// Bytes of all linear memories of the program.
    pub memory_bytes: u64,
}

/// The counters behind [`Progress`]. For executors and trees.
#[derive(Debug, Default)]
pub struct Meters {
    /// See [`Progress::fuel`].
    pub fuel: Meter,
    /// See [`Progress::bytes_in`].
    pub bytes_in: Meter,
    /// See [`Progress::bytes_hashed`].
    pub bytes_hashed: Meter,
    /// See [`Progress::bytes_out`].
    pub bytes_out: Meter,
    /// See [`Progress::memory_bytes`].
    pub memory_bytes: Meter,
}

/// One counter.
#[derive(Debug, Default)]
pub struct Meter(AtomicU64);

impl Meter {
    /// Replaces the value.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Adds to the value.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// The value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Meters {
    /// All values.
    pub fn read(&self) -> Progress {
        Progress {
            fuel: self.fuel.get(),
            bytes_in: self.bytes_in.get(),
            bytes_hashed: self.bytes_hashed.get(),
            bytes_out: self.bytes_out.get(),
            memory_bytes: self.memory_bytes.get(),
        }
    }
}
