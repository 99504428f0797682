//! Uploads an archive in one stream: a session, the data, and the piece CID that the node compares with its own.
//! After an interruption the upload begins again in another session.

use std::fs::File;

use serde_json::json;
use ureq::http::{Method, StatusCode};

use super::super::upload_auth::{HEADER, upload_auth};
use super::super::{BackendError, Observation};
use super::{Call, Failed, JSON, location};
use bacalhau_http::HttpError;

const BYTES: &str = "application/octet-stream";
/// Validity of an upload's signature in seconds, as that of Curio's own client.
const VALID_SECONDS: u64 = 3600;
/// Maximum length of a session's id, a UUID.
const MAX_SESSION_BYTES: usize = 64;

impl Call<'_> {
    /// Uploads the archive.
    pub(super) fn upload(&self) -> Result<Observation, BackendError> {
        let (warm, terms) = (self.warm, &self.warm.terms);
        let car = &warm.piece.car;
        let file = File::open(car).map_err(|error| {
            BackendError::never(format!("the archive {} cannot be read: {error}", car.display()), "run the job again")
        })?;
        let session = self.begin()?;
        let url = self.endpoint(&format!("piece/uploads/{session}"))?;
        let expiry = self.now_ms / 1000 + VALID_SECONDS;
        let auth = upload_auth(&self.curio.key, &terms.domain(), terms.data_set, &warm.nonce(), expiry)?;
        let headers = [("content-type", BYTES), (HEADER, auth.as_str())];
        self.ask(&Method::PUT, &url, &headers, file).map_err(|failed| failed.at("the data"))?;
        let end = json!({ "pieceCid": warm.piece.v2.to_string() }).to_string();
        match self.ask(&Method::POST, &url, &[("content-type", JSON)], end.as_bytes()) {
            Ok(_) => Ok(Observation::Uploaded),
            // The node computed another commitment, or counted other bytes.
            Err(Failed::Asked(HttpError::Status { status: StatusCode::BAD_REQUEST, said, .. })) => {
                Ok(Observation::Damaged(said))
            }
            Err(failed) => Err(failed.at("the end of the upload")),
        }
    }

    /// Begins a session, and returns its id.
    fn begin(&self) -> Result<String, BackendError> {
        let url = self.endpoint("piece/uploads")?;
        let body = json!({ "dataSetId": self.warm.terms.data_set }).to_string();
        let answer = self.ask(&Method::POST, &url, &[("content-type", JSON)], body.as_bytes());
        let answer = answer.map_err(|failed| failed.at("an upload"))?;
        let is_id = |id: &&str| {
            (1..=MAX_SESSION_BYTES).contains(&id.len()) && id.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
        };
        let session = location(&answer).filter(is_id);
        session.map(str::to_owned).ok_or_else(|| BackendError::later("the PDP node begins an upload without its id"))
    }
}
