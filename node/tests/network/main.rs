//! The network as a whole: nodes that cheat, over the real protocol on loopback, and the vote through the API and the
//! command line.
#![allow(clippy::unwrap_used, reason = "a test stops at the first thing that is not as it should be")]

mod cheats;
mod cluster;
mod devstack;
mod flood;
mod stack;
mod table;
mod votes;
