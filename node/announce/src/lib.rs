//! What a node has, for others to find: a chain of signed advertisements that indexers of IPNI fetch over HTTP
//! (<https://github.com/ipni/specs/blob/main/IPNI_HTTP_PROVIDER.md>), and messages that tell them of new ones.
//!
//! An advertisement names all blocks of one pin, and the addresses at which they can be had over Bitswap. `chain` is the files of it; `server` serves
//! them; `indexer` tells indexers; `announcer` keeps the chain equal to the pins.

mod advertisement;
mod announcer;
mod chain;
mod dag_json;
mod entries;
mod head;
mod indexer;
mod server;

pub use announcer::{Announcer, Announcing};
