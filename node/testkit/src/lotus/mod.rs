//! A fake of a Lotus node and of the chain that it knows. No Lotus can run in tests.

mod cbor;
pub mod chain;
pub mod fake;
mod methods;
mod server;
