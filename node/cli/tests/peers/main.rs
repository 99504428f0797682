//! Blocks from and for the nodes that other people run: Helia and kubo, and objects of an S3 server, on loopback. `tests/peers/install.sh` gets them;
//! without them a test says what it skips. We are the command that people use.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first thing that is not as it should be"
)]

mod archives;
mod both_ways;
mod object_store;
mod process;
mod routing;
mod support;
