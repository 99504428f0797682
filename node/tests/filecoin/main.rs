//! Deals with storage providers, against a market that is a fake: no Curio runs here. It is written after the published
//! schema and Curio's sources, and refuses what those refuse: methods, paths, types, fields, signatures, order. What a
//! fake cannot show is that a real one is like it.
#![allow(clippy::unwrap_used, reason = "a test stops at the first thing that is not as it should be")]

mod curve;
mod deals;
mod failing;
mod keys;
mod market;
mod proposals;
mod scene;
#[path = "../../src/http/server.rs"]
#[allow(dead_code, reason = "not all that it can do is needed here")]
mod server;
mod serving;
