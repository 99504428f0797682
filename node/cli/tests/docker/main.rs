//! Containers as jobs, on a real engine: a dockerd of the tests' own, with an image that they have made. From the command line,
//! and by processes that serve. Where no engine can be started, each test says what it skips and why.
#![allow(clippy::unwrap_used, reason = "a test stops at the first thing that is not as it should be")]

mod engine;
mod held;
mod images;
mod inputs;
mod leftovers;
mod limits;
mod outputs;
mod packaged;
mod receipts;
mod registry;
mod served;
mod votes;
