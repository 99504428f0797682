//! The data set at the node (`GET data-sets/{id}`).

use serde::Deserialize;

use super::super::{BackendError, Observation};
use super::Call;

/// The data set, without unused fields.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DataSet {
    id: u64,
    pieces: Vec<Entry>,
    /// 0 before the first proof is scheduled.
    next_challenge_epoch: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    piece_id: u64,
    piece_cid: String,
}

impl Call<'_> {
    /// The number of the piece in the data set, if it is there.
    pub(super) fn piece_id(&self) -> Result<Option<u64>, BackendError> {
        Ok(self.data_set()?.piece(&self.warm.piece.v2.to_string()))
    }

    /// The epoch of the next proof.
    pub(super) fn proof_due(&self) -> Result<Observation, BackendError> {
        let found = self.data_set()?;
        let set = found.id;
        if found.piece(&self.warm.piece.v2.to_string()).is_none() {
            let why = format!("data set {set} does not have the piece any more");
            return Err(BackendError::never(why, "ask the provider, and publish the results again"));
        }
        match found.next_challenge_epoch {
            0 => Ok(Observation::Waiting(format!("no proof of data set {set} is scheduled yet"))),
            epoch => Ok(Observation::ProofDue(epoch)),
        }
    }

    fn data_set(&self) -> Result<DataSet, BackendError> {
        const WHAT: &str = "a query for the data set";
        let id = self.warm.terms.data_set;
        let url = self.endpoint(&format!("data-sets/{id}"))?;
        let found: DataSet = self.get(&url).map_err(|failed| failed.at(WHAT))?;
        if found.id != id {
            return Err(BackendError::later(format!("the PDP node answers {WHAT} {id} with data set {}", found.id)));
        }
        Ok(found)
    }
}

impl DataSet {
    fn piece(&self, cid: &str) -> Option<u64> {
        self.pieces.iter().find(|entry| entry.piece_cid == cid).map(|entry| entry.piece_id)
    }
}
