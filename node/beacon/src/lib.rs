//! Public randomness from a drand beacon: signatures of rounds that are unpredictable before their time and verifiable
//! afterwards. Supports chains of the scheme `bls-unchained-g1-rfc9380`, such as `quicknet` of the League of Entropy.

mod chain;
mod client;
mod error;
mod verify;

pub use chain::parse_chain;
pub use client::Beacon;
pub use error::{ChainError, RelayError, RoundError, SignatureError, SignatureFault};
pub use verify::{SCHEME, verify};
