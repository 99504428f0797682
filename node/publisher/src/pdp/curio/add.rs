//! Adds a piece to the data set: the node sends a transaction, which the payer has signed for.

use bacalhau_values::hex::Hex;
use serde::Deserialize;
use serde_json::json;
use ureq::http::{Method, StatusCode};

use super::super::{BackendError, Observation, TransactionHash, extra_data};
use super::{Call, Failed, JSON, location};

/// State of a transaction (`GET data-sets/{id}/pieces/added/{hash}`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Addition {
    tx_status: String,
    /// Whether the contract accepted it; `None` before that is known.
    add_message_ok: Option<bool>,
    /// Whether the node has processed it.
    pieces_added: bool,
    #[serde(default)]
    confirmed_piece_ids: Vec<u64>,
    /// The transaction on the chain, if the node replaced the first one for its fee.
    #[serde(default)]
    confirmed_tx_hash: String,
}

impl Call<'_> {
    /// Sends the transaction, unless the data set has the piece.
    pub(super) fn add(&self) -> Result<Observation, BackendError> {
        // It was added before a crash, or with the same results of another job.
        if let Some(piece_id) = self.piece_id()? {
            return Ok(Observation::Added(piece_id, None));
        }
        let (warm, terms) = (self.warm, &self.warm.terms);
        let (cid, nonce) = (warm.piece.v2, warm.nonce());
        let digest = terms.domain().add_piece(&terms.client_data_set, &nonce, &cid.cid().to_bytes());
        let signed = extra_data(&nonce, &self.curio.key.sign(&digest)?);
        let cid = cid.to_string();
        let body = json!({
            "pieces": [{ "pieceCid": cid, "subPieces": [{ "subPieceCid": cid }] }],
            "extraData": format!("0x{}", Hex(&signed)),
        });
        let url = self.endpoint(&format!("data-sets/{}/pieces", terms.data_set))?;
        let answer = self.ask(&Method::POST, &url, &[("content-type", JSON)], body.to_string().as_bytes());
        let answer = answer.map_err(|failed| failed.at("the addition of the piece"))?;
        let hash = location(&answer).and_then(|text| text.parse().ok());
        hash.map(Observation::Sent)
            .ok_or_else(|| BackendError::later("the PDP node adds the piece without a transaction"))
    }

    /// State of the transaction.
    pub(super) fn added(&self) -> Result<Observation, BackendError> {
        let hash = self.warm.transaction.ok_or_else(|| {
            BackendError::later("internal error: the piece waits for a transaction that was not sent")
        })?;
        let url = self.endpoint(&format!("data-sets/{}/pieces/added/{hash}", self.warm.terms.data_set))?;
        let addition: Addition = match self.get(&url) {
            Ok(addition) => addition,
            Err(Failed::Asked(error)) if error.status() == Some(StatusCode::NOT_FOUND) => {
                let why = format!("the node does not know transaction {hash} ({error})");
                return self.unless_there(Observation::Lost(why));
            }
            Err(failed) => return Err(failed.at("a query for the transaction")),
        };
        let by: Option<TransactionHash> = addition.confirmed_tx_hash.parse().ok();
        match (addition.tx_status.as_str(), addition.add_message_ok, &addition.confirmed_piece_ids[..]) {
            ("rejected" | "failed", ..) | (_, Some(false), _) => {
                let why = format!("transaction {} failed on the chain", by.unwrap_or(hash));
                self.unless_there(Observation::Reverted(why))
            }
            ("confirmed", Some(true), [piece_id]) if addition.pieces_added => {
                Ok(Observation::Added(*piece_id, Some(by.unwrap_or(hash))))
            }
            ("confirmed", Some(true), [_, _, ..]) => {
                Err(BackendError::later(format!("the PDP node reports several pieces of transaction {hash}")))
            }
            (status, ..) => Ok(Observation::Waiting(format!("transaction {hash} is {status}"))),
        }
    }

    /// `otherwise`, unless the data set has the piece by a transaction that was sent before a crash: the contract
    /// accepts a nonce once, so a later one fails.
    fn unless_there(&self, otherwise: Observation) -> Result<Observation, BackendError> {
        Ok(self.piece_id()?.map_or(otherwise, |piece_id| Observation::Added(piece_id, None)))
    }
}
