//! Every bound of Bitswap that can be moved, with its default.

use std::time::Duration;

use bacalhau_values::budget::Rate;

/// How a node exchanges blocks.
#[derive(Clone, Debug)]
pub struct Config {
    /// Maximum time for a block, after which waiting callers receive an error.
    pub patience: Duration,
    /// Idle time of a peer after which its blocks are requested again, from another peer if there is one.
    pub reask: Duration,
    /// How long in-flight wants wait for a disconnected peer to reconnect. If it was the only one, callers wait this
    /// long.
    pub comeback: Duration,
    /// Maximum bytes requested from one peer ahead of received blocks.
    pub window_bytes: u64,
    /// Maximum queued wants of one peer; further ones are dropped.
    pub queue: usize,
    /// Limits on one peer.
    pub budget: Budget,
}

/// Limits on one peer. The defaults are far above normal use; they bound hostile peers.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Entries of its wantlists. Above, its messages are read later; far above, they are dropped.
    pub wants_received: Rate,
    /// Entries of our wantlists. Above, they are sent later.
    pub wants_sent: Rate,
    /// Bytes of blocks served. Above, they are served later.
    pub bytes_served: Rate,
    /// Bytes of everything it sends. Above, it is read later.
    pub bytes_received: Rate,
    /// Unrequested or corrupt bytes of blocks. Above it, the peer is disconnected.
    pub unasked: Rate,
    /// How late something may be before it is dropped instead.
    pub delay: Duration,
    /// Messages that are dropped before the peer is disconnected.
    pub drops: u32,
    /// How long a disconnected peer is blocked.
    pub ban: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            patience: Duration::from_mins(1),
            reask: Duration::from_secs(5),
            comeback: Duration::from_secs(20),
            window_bytes: 16 << 20,
            queue: 4096,
            budget: Budget::default(),
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            wants_received: Rate { per_second: 32_768, burst: 131_072 },
            wants_sent: Rate { per_second: 32_768, burst: 131_072 },
            bytes_served: Rate { per_second: 4 << 30, burst: 4 << 30 },
            bytes_received: Rate { per_second: 4 << 30, burst: 4 << 30 },
            unasked: Rate { per_second: 1 << 20, burst: 64 << 20 },
            delay: Duration::from_secs(5),
            drops: 16,
            ban: Duration::from_mins(1),
        }
    }
}
