//! Public randomness: rounds of a drand beacon, whose signatures nobody can know before their time and everybody can check
//! after it. Chains of the scheme `bls-unchained-g1-rfc9380` are supported, `quicknet` of the League of Entropy among them.

mod chain;
mod client;
mod verify;

pub use chain::parse_chain;
pub use client::Beacon;
pub use verify::{SCHEME, verify};
