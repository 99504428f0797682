//! Deals with storage providers, against a market and a node of the chain that are fakes: no Curio and no Lotus run here. The
//! market is written after the published schema and Curio's sources, and refuses what those refuse: methods, paths, types,
//! fields, signatures, order. What a fake cannot show is that a real one is like it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first thing that is not as it should be"
)]

#[path = "../lotus/cbor.rs"]
mod cbor;
#[path = "../lotus/chain.rs"]
#[allow(dead_code, reason = "its own tests look at more of it")]
mod chain;
mod curve;
mod deals;
mod failing;
#[path = "../lotus/fake.rs"]
#[allow(dead_code, reason = "its own tests look at more of it")]
mod fake;
#[path = "../network/guests.rs"]
#[allow(dead_code, reason = "jobs of other tests")]
mod guests;
mod keys;
mod market;
#[path = "../lotus/methods.rs"]
mod methods;
mod process;
mod proposals;
mod scene;
#[path = "../lotus/server.rs"]
mod server;
mod serving;
#[path = "../network/support.rs"]
#[allow(dead_code, reason = "what nodes of other tests are asked")]
mod support;
