//! A fake of a pinning service, and the node that fetches for it.

pub mod delegate;
pub mod service;
