//! A fake of a storage provider's node with PDP: it takes what the sources of Curio take at commit e0294b0f, and nothing
//! else, and has a fake of the contract behind it. What a fake cannot show is that a real one is like it.

mod chain;
mod fake;
mod requests;
mod signed;

pub use chain::{Chain, Transaction};
pub use fake::{FakePdp, Fault, State};
