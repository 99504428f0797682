//! Client of Curio's PDP API, a JSON API under `/pdp`. A piece that the node has is not uploaded again, and a piece that
//! is in the data set is not added again.

mod add;
mod code;
mod data_set;
mod upload;

use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::AsSendBody;
use ureq::http::{Method, StatusCode};
use url::Url;
use zeroize::Zeroizing;

use super::{BackendError, Observation, PayerKey, PdpNode, WarmPiece, WarmStage};
use bacalhau_http::{Answer, Client, HttpError, Reach, Terms};
use bacalhau_values::Secret;

/// Idle timeout. A node answers `addPieces` after it has sent the transaction.
const PATIENCE: Duration = Duration::from_mins(2);
/// Maximum size of an answer in bytes: a data set may have 100,000 pieces.
const MAX_ANSWER_BYTES: u64 = 64 << 20;
const JSON: &str = "application/json";

/// A client of PDP nodes.
pub struct CurioPdp {
    client: Client,
    key: Arc<PayerKey>,
    token: Option<Secret>,
}

/// A piece at the node (`GET piece/{cid}/status`), without unused fields.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PieceStatus {
    piece_cid: String,
}

/// The next step of a piece.
struct Call<'a> {
    curio: &'a CurioPdp,
    warm: &'a WarmPiece,
    /// Unix milliseconds.
    now_ms: u64,
}

impl CurioPdp {
    /// A client that signs with `key`, and has the access `token`, if the node wants one.
    pub fn new(key: Arc<PayerKey>, token: Option<Secret>) -> Self {
        Self::with_patience(key, token, PATIENCE)
    }

    /// The same with the idle timeout `patience`.
    pub fn with_patience(key: Arc<PayerKey>, token: Option<Secret>, patience: Duration) -> Self {
        // The operator configures the URL.
        let terms = Terms { reach: Reach::Named, patience, total: None, idle_connections: 1 };
        Self { client: Client::new(terms), key, token }
    }
}

impl PdpNode for CurioPdp {
    fn advance(&self, warm: &WarmPiece, now_ms: u64) -> Result<Observation, BackendError> {
        let call = Call { curio: self, warm, now_ms };
        match warm.stage {
            WarmStage::Prepared | WarmStage::Uploaded if call.is_held()? => Ok(Observation::Held),
            WarmStage::Prepared => call.upload(),
            WarmStage::Uploaded => Ok(Observation::Waiting("the node does not list the piece yet".into())),
            WarmStage::Held => call.add(),
            WarmStage::Adding => call.added(),
            WarmStage::Added => call.proof_due(),
            stage @ (WarmStage::Stored | WarmStage::Failed) => {
                Err(BackendError::later(format!("internal error: no step for stage {stage:?}")))
            }
        }
    }
}

impl Call<'_> {
    /// Whether the node lists the piece under our access, which adding it needs.
    fn is_held(&self) -> Result<bool, BackendError> {
        const WHAT: &str = "a query for the piece";
        let cid = self.warm.piece.v2.to_string();
        let url = self.endpoint(&format!("piece/{cid}/status"))?;
        match self.get::<PieceStatus>(&url) {
            Ok(found) if found.piece_cid == cid => Ok(true),
            Ok(found) => Err(BackendError::later(format!("the node answers {WHAT} {cid} with {}", found.piece_cid))),
            Err(Failed::Asked(error)) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(false),
            Err(failed) => Err(failed.at(WHAT)),
        }
    }

    /// A JSON document.
    fn get<T: DeserializeOwned>(&self, url: &Url) -> Result<T, Failed> {
        let answer = self.ask(&Method::GET, url, &[], ())?;
        let malformed = |why: &dyn fmt::Display| {
            BackendError::later(format!("the node answers {} with malformed data: {why}", url.path()))
        };
        let mut bytes = Vec::new();
        let read = answer.into_body().take(MAX_ANSWER_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|error| malformed(&error))?;
        if bytes.len() as u64 > MAX_ANSWER_BYTES {
            let why = format!("the answer for {} has more than {MAX_ANSWER_BYTES} bytes", url.path());
            return Err(BackendError::never(why, "set pdp.data_set to a data set with fewer pieces").into());
        }
        Ok(serde_json::from_slice(&bytes).map_err(|error| malformed(&error))?)
    }

    /// A request with the access token.
    fn ask(
        &self,
        method: &Method,
        url: &Url,
        headers: &[(&str, &str)],
        body: impl AsSendBody,
    ) -> Result<Answer, Failed> {
        let CurioPdp { client, token, .. } = self.curio;
        let bearer = token.as_ref().map(|token| Zeroizing::new(format!("Bearer {}", token.expose())));
        let mut headers = headers.to_vec();
        headers.extend(bearer.as_ref().map(|bearer| ("authorization", bearer.as_str())));
        let answer = match *method {
            Method::GET => client.get(url, &headers),
            Method::PUT => client.put(url, &headers, body),
            _ => client.post(url, &headers, body),
        };
        answer.map_err(Failed::Asked)
    }

    /// URL of `path` below `/pdp`.
    fn endpoint(&self, path: &str) -> Result<Url, BackendError> {
        let text = format!("{}/pdp/{path}", self.warm.terms.url.trim_end_matches('/'));
        text.parse().map_err(|error| BackendError::never(format!("{text} is not a URL: {error}"), "set pdp.url"))
    }
}

/// The last part of the path in the header `Location`.
fn location(answer: &Answer) -> Option<&str> {
    answer.header("location")?.rsplit('/').next()
}

/// Why there is no usable answer.
#[derive(Debug)]
enum Failed {
    Asked(HttpError),
    BackendError(BackendError),
}

impl Failed {
    /// The error as the answer to `what`.
    fn at(self, what: &str) -> BackendError {
        match self {
            Self::Asked(error) => code::backend_error(what, &error),
            Self::BackendError(error) => error,
        }
    }
}

impl From<BackendError> for Failed {
    fn from(error: BackendError) -> Self {
        Self::BackendError(error)
    }
}

/// Prints no token.
impl fmt::Debug for CurioPdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CurioPdp").field("key", &self.key).finish_non_exhaustive()
    }
}
