//! Counters of the network of jobs, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages and announcements that were taken.
    pub messages_in: u64,
    /// Messages and announcements that were sent.
    pub messages_out: u64,
    /// Bytes of the former.
    pub bytes_in: u64,
    /// Bytes of the latter.
    pub bytes_out: u64,
    /// Dropped: over budget, or no capacity.
    pub ignored: u64,
    /// Rejected as invalid.
    pub refused: u64,
    /// Times that a peer was blocked.
    pub blocked: u64,
    /// Connected peers.
    pub peers: u64,
}

impl Counters {
    /// By name, for metrics.
    pub fn list(&self) -> Vec<(String, u64)> {
        let Self { messages_in, messages_out, bytes_in, bytes_out, ignored, refused, blocked, peers } = *self;
        let named = [
            ("messages_in", messages_in),
            ("messages_out", messages_out),
            ("bytes_in", bytes_in),
            ("bytes_out", bytes_out),
            ("ignored", ignored),
            ("refused", refused),
            ("blocked", blocked),
            ("peers", peers),
        ];
        named.into_iter().map(|(name, count)| (name.into(), count)).collect()
    }
}

/// The running counters.
#[derive(Debug, Default)]
pub struct Counting {
    messages_in: AtomicU64,
    messages_out: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    ignored: AtomicU64,
    refused: AtomicU64,
    blocked: AtomicU64,
}

impl Counting {
    /// Counts a received message.
    pub fn received(&self, bytes: usize) {
        self.messages_in.fetch_add(1, Ordering::Relaxed);
        self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts a sent message.
    pub fn sent(&self, bytes: usize) {
        self.messages_out.fetch_add(1, Ordering::Relaxed);
        self.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts a message that was dropped for want of budget or time.
    pub fn ignored(&self) {
        self.ignored.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a message that was rejected.
    pub fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a peer that was blocked.
    pub fn blocked(&self) {
        self.blocked.fetch_add(1, Ordering::Relaxed);
    }

    /// The numbers, with `peers` connected now.
    pub fn read(&self, peers: usize) -> Counters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            messages_in: read(&self.messages_in),
            messages_out: read(&self.messages_out),
            bytes_in: read(&self.bytes_in),
            bytes_out: read(&self.bytes_out),
            ignored: read(&self.ignored),
            refused: read(&self.refused),
            blocked: read(&self.blocked),
            peers: peers as u64,
        }
    }
}
