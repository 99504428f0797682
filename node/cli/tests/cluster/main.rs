//! A node in front of a cluster: executions that it dispatches to workers. Slurm is a real one with two workers on
//! loopback, which the tests start. Where it cannot be started, each test says what it skips and why.
#![allow(clippy::unwrap_used, reason = "a test stops at the first thing that is not as it should be")]

mod acceptance;
mod configuration;
mod failures;
mod front;
mod inputs;
#[cfg(feature = "kubernetes")]
mod kubernetes;
mod restarts;
mod slurm;
