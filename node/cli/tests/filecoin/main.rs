//! Deals with storage providers, against a market and a node of the chain that are fakes: no Curio and no Lotus run here. The
//! market is written after the published schema and Curio's sources, and refuses what those refuse: methods, paths, types,
//! fields, signatures, order. What a fake cannot show is that a real one is like it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first thing that is not as it should be"
)]

mod curve;
mod deals;
mod failing;
mod keys;
mod market;
mod process;
mod proposals;
mod scene;
mod serving;
