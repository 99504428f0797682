//! The network as real processes: `bacalhau serve` and `bacalhau devstack` on loopback, with jobs of real clients, killed,
//! stopped, flooded and cut off from each other. What a machine has no means for, a test names and skips.
#![allow(clippy::unwrap_used, reason = "a test stops at the first thing that is not as it should be")]

mod crashes;
mod five_nodes;
mod floods;
mod guests;
mod lifecycle;
mod partition;
mod sharded;
mod sigterm;
mod support;
mod watch;
