//! What tests of several crates share. Everything panics instead of returning errors: a test fails by panicking.
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::missing_errors_doc,
    reason = "a test fails by panicking"
)]

pub mod server;
