//! The node and the command: where modules and inputs come from, several executions of one job, the vote on their
//! results, and the command line over all of it. Running one execution is the business of `bacalhau-runtime`.
//!
//! # The rooms
//!
//! | room | holds |
//! |---|---|
//! | [`job`] | the deal: how many executions, how many must agree |
//! | [`network`] | announcements and messages of jobs, over libp2p |
//! | [`store`] | jobs on disk |
//! | [`api`] | the HTTP API: server and client |
//! | [`metrics`] | what is counted |
//! | [`verify`] | the vote as a pure function, behind the trait `Verifier` |
//! | [`receipts`] | signing receipts, and who signed them |
//! | [`sharding`] | how inputs are spread over shards |
//! | [`daemon`] | one node that takes jobs and runs them, as a pure state machine with the loop around it |
//! | `byzantine` | nodes that cheat, for tests only, behind the feature of that name |
//! | [`embedded`] | several nodes in this process: what `wasm run` uses without a server |
//! | [`backup`] | copies of a data directory, and how they are put back |
//! | `data_dir` | whether a data directory is whole |
//! | [`service`] | a serving node, all of it, wired together |
//! | [`beacon`] | rounds of a drand beacon, and their signatures |
//! | [`publisher`] | where results go so that others can have them, behind the trait `Publisher` |
//! | [`node`] | one node with its store, peers and sources, wired together |
//! | [`serving`] | where the serving process of a data directory can be reached |
//! | [`config`] | what a server is told: flags over environment over files over defaults |
//! | [`cli`] | one verb one file, the renderer, the exit codes |
//!
//! `cli` may use all of them, they know nothing of it, and all may use the runtime. Blocks, HTTP, the libp2p node, Bitswap and the sources of
//! inputs are crates of their own, which are re-exported here.

pub mod api;
pub mod backup;
pub mod beacon;
#[cfg(feature = "byzantine")]
#[doc(hidden)]
pub mod byzantine;
pub mod cli;
pub mod compute;
pub mod config;
pub mod daemon;
mod data_dir;
pub mod embedded;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub mod job;
pub mod metrics;
pub mod network;
pub mod node;
pub mod protocol;
pub mod publisher;
pub mod receipts;
pub mod requester;
pub mod service;
pub mod serving;
pub mod sharding;
#[doc(hidden)]
pub mod simulation;
pub mod store;
pub mod verify;

use bacalhau_files::{private, temporary};
pub use bacalhau_values::budget;
use bacalhau_values::hex;
pub use {
    bacalhau_bitswap as bitswap, bacalhau_cas as cas, bacalhau_exchange as exchange, bacalhau_http as http,
    bacalhau_p2p as transport, bacalhau_storage as storage,
};
