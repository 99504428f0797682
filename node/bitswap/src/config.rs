//! Every bound of Bitswap that can be moved, with its default.

use std::time::Duration;

use bacalhau_values::budget::Rate;

/// How a node exchanges blocks.
#[derive(Clone, Debug)]
pub struct Config {
    /// How long a block may be asked for before whoever waits is told that there is none.
    pub patience: Duration,
    /// How long a peer that was asked may send nothing before the block is asked for again, elsewhere if there is an
    /// elsewhere.
    pub reask: Duration,
    /// How long a peer whose connection was lost is hoped for: it may have been started again. Where it is the only one,
    /// whoever waits is told only after that.
    pub comeback: Duration,
    /// Bytes that are asked of one peer ahead of what has come.
    pub window_bytes: u64,
    /// Wants of one peer that wait to be served; it is told of no more than that.
    pub queue: usize,
    /// What one peer may cost.
    pub budget: Budget,
}

/// What one peer may cost, and what is asked of it. The defaults are far above what the network carries to one peer; they
/// bound what a hostile one can do.
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
    /// Bytes of blocks that nobody asked for, corrupt ones among them. Above, the peer is disconnected.
    pub unasked: Rate,
    /// How late something may be before it is dropped instead.
    pub delay: Duration,
    /// Messages that are dropped before the peer is disconnected.
    pub drops: u32,
    /// How long a peer that was disconnected is not spoken to.
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
