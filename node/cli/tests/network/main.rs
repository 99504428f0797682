//! The network as a whole, in two ways: nodes of this process that cheat, over the real protocol on loopback; and real
//! processes, `bacalhau serve` and `bacalhau devstack`, with jobs of real clients, killed, stopped, flooded and cut off
//! from each other. What a machine has no means for, a test names and skips.
#![allow(clippy::unwrap_used, reason = "a test stops at the first thing that is not as it should be")]

mod backups;
mod cheats;
mod copies;
mod crashes;
mod crowd;
mod devstack;
mod five_nodes;
mod flood;
mod floods;
mod full_disk;
mod kills;
mod leftovers;
mod lifecycle;
mod nat;
mod partition;
mod provider_log;
mod queue;
mod scarce;
mod sharded;
mod sigterm;
mod space;
mod stack;
mod table;
mod unit;
mod votes;
