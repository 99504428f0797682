//! Back ends of a deal: a market (`curio`) and a chain node (`lotus`), behind one trait. `machine` decides which one
//! takes the next step and applies its observation; back ends only read the deal. Every step is idempotent, also after
//! a crash.

use std::fmt::Debug;

use bacalhau_tree::Link;

use super::{Address, BackendError, MarketState, SectorClaim, StorageDeal};

/// A market or a chain node.
pub trait Backend: Send + Sync + Debug {
    /// Takes the next step of `deal` at `now_ms`, in Unix milliseconds, and returns its observation.
    ///
    /// # Errors
    /// Why the step failed.
    fn advance(&self, deal: &StorageDeal, now_ms: u64) -> Result<Observation, BackendError>;
}

/// Signs for a wallet; a market needs a signature for each request.
pub trait Wallet: Send + Sync + Debug {
    /// The signature of `message` by the key of `wallet`: a byte for its kind and the signature bytes, as
    /// `crypto.Signature.MarshalBinary`.
    ///
    /// # Errors
    /// Why it cannot be signed.
    fn sign(&self, wallet: &Address, message: &[u8]) -> Result<Vec<u8>, BackendError>;
}

/// Observation of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// Chain, provider and wallet fit the deal: at [`Stage::Prepared`](super::Stage::Prepared). With a description.
    Checked(String),
    /// The message of the allocation was sent, now or earlier: at [`Stage::Checked`](super::Stage::Checked).
    Pushed(Link),
    /// The message is on the chain, with this allocation id: at [`Stage::Allocating`](super::Stage::Allocating); also
    /// at [`Stage::Checked`](super::Stage::Checked), if the message was sent before a crash.
    Allocated(u64),
    /// The market has the proposal.
    Proposed,
    /// The market has the uploaded data.
    Uploaded,
    /// State of the deal at the market, with its text if any.
    Market(MarketState, String),
    /// The provider has claimed the allocation: at [`Stage::Complete`](super::Stage::Complete).
    Claimed(SectorClaim),
    /// Nothing new, with the reason for waiting.
    Waiting(String),
}
