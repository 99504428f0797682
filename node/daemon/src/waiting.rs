//! Memory limit of queued announcements. The inbox counts messages, but an announcement may use as much memory as a
//! thousand other messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bacalhau_network::Heard;

/// Bytes of announcements that may wait.
const MOST_BYTES: u64 = 32 << 20;

/// Queued bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting(Arc<AtomicU64>);

/// The reservation of a queued message, until dropped.
#[derive(Debug)]
pub(super) struct Taken {
    waiting: Waiting,
    bytes: u64,
}

impl Waiting {
    /// Reserves memory for a message; `None` at the limit.
    pub(super) fn take(&self, heard: &Heard) -> Option<Taken> {
        let bytes = match heard {
            Heard::Announced { announcement, .. } => announcement.job.memory_bytes(),
            _ => 0,
        };
        let before = self.0.fetch_add(bytes, Ordering::Relaxed);
        let taken = Taken { waiting: self.clone(), bytes };
        (bytes == 0 || before.saturating_add(bytes) <= MOST_BYTES).then_some(taken)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.waiting.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use libp2p_identity::PeerId;

    use super::*;
    use bacalhau_testkit::jobs::{altered, announcement};

    #[test]
    fn announcements_take_room_as_long_as_they_wait_and_other_messages_none() {
        let from = PeerId::random();
        let large = altered(&announcement(from, "large"), |job| job.shards = vec![Vec::new(); 10_000]);
        let heard = Heard::Announced { announcement: large, from };
        let waiting = Waiting::default();
        let taken: Vec<Taken> = std::iter::from_fn(|| waiting.take(&heard)).take(1000).collect();
        assert!((100..200).contains(&taken.len()), "{}", taken.len());
        assert!(waiting.take(&heard).is_none() && waiting.take(&Heard::PeerUp(from)).is_some());
        drop(taken);
        assert_eq!(waiting.0.load(Ordering::Relaxed), 0);
        assert!(waiting.take(&heard).is_some());
    }
}
