//! The node of a storage provider with PDP, behind a trait. `machine` applies its observations; a node only reads the
//! state. Every step is idempotent, also after a crash.

use std::fmt::Debug;

use super::{BackendError, TransactionHash, WarmPiece};

/// A node with PDP.
pub trait PdpNode: Send + Sync + Debug {
    /// Takes the next step of `warm` at `now_ms`, in Unix milliseconds, and returns its observation.
    ///
    /// # Errors
    /// Why the step failed.
    fn advance(&self, warm: &WarmPiece, now_ms: u64) -> Result<Observation, BackendError>;
}

/// Observation of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// The node has received the data: at [`WarmStage::Prepared`](super::WarmStage::Prepared).
    Uploaded,
    /// The node found other data than was sent, with its words: at [`WarmStage::Prepared`](super::WarmStage::Prepared).
    Damaged(String),
    /// The node lists the piece: up to [`WarmStage::Uploaded`](super::WarmStage::Uploaded).
    Held,
    /// The node has sent the transaction: at [`WarmStage::Held`](super::WarmStage::Held).
    Sent(TransactionHash),
    /// The data set has the piece by this number, by a transaction if the node names it: from
    /// [`WarmStage::Held`](super::WarmStage::Held) on.
    Added(u64, Option<TransactionHash>),
    /// The transaction did not add the piece, with the reason: at [`WarmStage::Adding`](super::WarmStage::Adding).
    Reverted(String),
    /// The node has lost the transaction, with the reason: at [`WarmStage::Adding`](super::WarmStage::Adding).
    Lost(String),
    /// The next proof of the data set is due from this epoch on: at [`WarmStage::Added`](super::WarmStage::Added).
    ProofDue(u64),
    /// Nothing new, with the reason for waiting.
    Waiting(String),
}
