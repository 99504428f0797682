//! The publisher `filecoin` and the chain: every call that it makes of a Lotus node, and what it makes of the answers. No
//! Lotus can run here; [`fake`] stands for one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first thing that is not as it should be"
)]

mod allocation;
mod cbor;
mod chain;
mod check;
mod claim;
mod fake;
mod methods;
mod miners;
mod server;
mod sign;
mod support;
mod trouble;
