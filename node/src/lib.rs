//! The node and the command: where modules and inputs come from, several executions of one job, the vote on their
//! results, and the command line over all of it. Running one execution is the business of `bacalhau-runtime`.
//!
//! # The rooms
//!
//! | room | holds |
//! |---|---|
//! | [`job`] | the deal: how many executions, how many must agree |
//! | [`budget`] | token buckets, for all who are asked for more than they have |
//! | [`cas`] | blocks and their CIDs, UnixFS, archives of blocks, the block store; no network |
//! | [`http`] | how we speak HTTP: time-outs, redirects, addresses that may be reached |
//! | [`transport`] | the libp2p node: identity, connections, streams of protocols |
//! | [`bitswap`] | Bitswap 1.2.0: blocks from peers and for peers |
//! | [`exchange`] | blocks that others have: Bitswap, gateways, kubo, behind the trait `Provider` |
//! | [`store`] | jobs on disk |
//! | [`api`] | the HTTP API: server and client |
//! | [`metrics`] | what is counted |
//! | [`storage`] | where bytes come from: local paths and `http(s)` URLs, behind the trait `Storage` |
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
//! | `temporary` | temporary files and directories whose owner can be told |
//! | [`config`] | what a server is told: flags over environment over files over defaults |
//! | [`cli`] | one verb one file, the renderer, the exit codes |
//!
//! `cli` may use all of them, they know nothing of it, and all may use the runtime.

pub mod api;
pub mod backup;
pub mod beacon;
pub mod bitswap;
pub mod budget;
#[cfg(feature = "byzantine")]
#[doc(hidden)]
pub mod byzantine;
pub mod cas;
pub mod cli;
pub mod compute;
pub mod config;
pub mod daemon;
mod data_dir;
pub mod embedded;
pub mod exchange;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod hex;
pub mod http;
pub mod job;
pub mod metrics;
pub mod node;
mod private;
pub mod protocol;
pub mod publisher;
pub mod receipts;
pub mod requester;
pub mod service;
pub mod serving;
pub mod sharding;
pub mod storage;
pub mod store;
mod temporary;
pub mod transport;
pub mod verify;
