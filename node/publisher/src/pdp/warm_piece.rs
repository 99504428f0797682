//! State of a piece on its way to warm storage, sufficient to continue after a crash. Plain data: `machine` decides
//! steps, a node performs them.

use serde::{Deserialize, Serialize};

use super::{Domain, EthAddress, TransactionHash, Uint256};
use crate::filecoin::{DealId, Piece};

/// State of a piece.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmPiece {
    /// Fixed before any request. Its number is the nonce of the signature, which the contract accepts once: the piece
    /// is added at most once, however often the transaction is sent.
    pub id: DealId,
    /// The data to store.
    pub piece: Piece,
    /// Where it is stored, and who pays.
    pub terms: WarmTerms,
    /// Progress.
    pub stage: WarmStage,
    /// Start of the stage in Unix milliseconds.
    pub since_ms: u64,
    /// How often something was repeated because it was lost or damaged: an upload, or a transaction.
    pub repeated: u32,
    /// The transaction that adds it. After the end, the one that is on the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<TransactionHash>,
    /// Number of the piece in the data set, once it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub piece_id: Option<u64>,
}

/// Where a piece is stored. Later changes of the configuration do not affect it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmTerms {
    /// URL of the provider's node, up to before `/pdp`.
    pub url: String,
    /// The data set, by its id in `PDPVerifier`.
    pub data_set: u64,
    /// The id that the payer gave to the data set.
    pub client_data_set: Uint256,
    /// The contract `FilecoinWarmStorageService`.
    pub contract: EthAddress,
    /// Chain id of Ethereum.
    pub chain_id: u64,
}

/// Progress of a piece, which determines the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WarmStage {
    /// The archive and its commitment exist. Next: the upload.
    Prepared,
    /// The node has received the data. Next: it lists the piece.
    Uploaded,
    /// The node lists the piece. Next: the transaction.
    Held,
    /// The node has sent the transaction. Next: its result.
    Adding,
    /// The piece is in the data set. Next: the epoch of the next proof.
    Added,
    /// Successful end.
    Stored,
    /// Failed end. The last step has the reason.
    Failed,
}

impl WarmTerms {
    /// The contract for which signatures are valid.
    pub fn domain(&self) -> Domain {
        Domain { chain_id: self.chain_id, contract: self.contract }
    }
}

impl WarmPiece {
    /// The nonce of signatures.
    pub fn nonce(&self) -> Uint256 {
        self.id.number().into()
    }

    /// Whether the archive and this node are still needed.
    pub fn needs_us(&self) -> bool {
        self.stage < WarmStage::Added
    }

    /// URL at which the provider serves it.
    pub fn download_url(&self) -> String {
        format!("{}/piece/{}", self.terms.url.trim_end_matches('/'), self.piece.v2)
    }
}
