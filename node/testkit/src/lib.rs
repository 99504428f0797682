//! Helpers shared by the tests of several crates: programs, the command and its nodes as processes, servers that misbehave,
//! fakes of services. They panic on errors, and every wait has a bound.
//!
//! Modules that need the whole node have the feature `node`, so that tests of the crates below it do not wait for it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::missing_errors_doc,
    reason = "a test fails by panicking"
)]
#![allow(missing_debug_implementations, reason = "tests print what they compare, not what it is taken from")]

#[cfg(feature = "node")]
pub mod cluster;
pub mod command;
pub mod content;
pub mod guests;
pub mod jobs;
pub mod kubernetes;
pub mod lab;
#[cfg(feature = "node")]
pub mod lotus;
pub mod node;
#[cfg(feature = "node")]
pub mod pdp;
#[cfg(feature = "node")]
pub mod pinning;
pub mod records;
pub mod server;
pub mod wait;
#[cfg(feature = "node")]
pub mod watch;

pub use command::{End, finish};
pub use content::pattern;
pub use lab::Lab;
pub use node::Node;
pub use wait::{BOUND, until, within};
