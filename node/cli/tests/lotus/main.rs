//! The publisher `filecoin` and the chain: every call that it makes of a Lotus node, and what it makes of the answers. No
//! Lotus can run here; a [fake](bacalhau_testkit::lotus) stands for one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first thing that is not as it should be"
)]

mod allocation;
mod check;
mod claim;
mod failing;
mod miners;
mod sign;
mod support;
