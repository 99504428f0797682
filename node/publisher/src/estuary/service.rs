//! HTTP client of a pinning service: looks up, adds and polls pins, and uploads archives if supported. `task` decides
//! the order.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::time::Duration;

use serde::de::DeserializeOwned;
use ureq::{AsSendBody, SendBody};
use url::Url;
use zeroize::Zeroizing;

use super::pinning_error::PinningError;
use super::wire::{PinResults, PinStatus, Uploaded, Wanted};
use bacalhau_cas::{Cid, canonical};
use bacalhau_http::{Answer, Client, HttpError, Reach, Terms};
use bacalhau_values::Secret;

const JSON: &str = "application/json";

/// Idle timeout of requests.
const PATIENCE: Duration = Duration::from_secs(30);
/// Idle timeout after an upload, which the service reads completely first.
const UPLOAD_PATIENCE: Duration = Duration::from_mins(5);
/// Maximum size of an answer in bytes: ten pins with their details.
const MAX_ANSWER_BYTES: u64 = 1 << 20;
/// Maximum length of a request id in bytes.
const MAX_REQUEST_BYTES: usize = 1 << 10;

/// A service with the IPFS Pinning Service API.
#[derive(Clone)]
pub struct PinningService {
    endpoint: Url,
    token: Secret,
    add_car: Option<Url>,
    client: Client,
    uploads: Client,
}

impl PinningService {
    /// The service with `/pins` below `endpoint` and the access token `token`. If `add_car` is set, it accepts archives
    /// there. The URLs must not contain credentials.
    pub fn new(endpoint: Url, token: Secret, add_car: Option<Url>) -> Self {
        Self::with_patience(endpoint, token, add_car, PATIENCE)
    }

    /// The same with the idle timeout `patience`.
    pub(super) fn with_patience(endpoint: Url, token: Secret, add_car: Option<Url>, patience: Duration) -> Self {
        // The operator configures the URL, so it may be in a private network.
        let terms = Terms { reach: Reach::Named, patience, total: Some(patience * 2), idle_connections: 1 };
        let upload_terms = Terms { patience: patience.max(UPLOAD_PATIENCE), total: None, ..terms.clone() };
        Self { endpoint, token, add_car, client: Client::new(terms), uploads: Client::new(upload_terms) }
    }

    /// A path below the endpoint.
    pub fn below(endpoint: &Url, path: &str) -> Url {
        let mut url = endpoint.clone();
        url.set_path(&format!("{}/{path}", endpoint.path().trim_end_matches('/')));
        url
    }

    /// Host for messages.
    pub(super) fn host(&self) -> &str {
        self.endpoint.host_str().unwrap_or_default()
    }

    /// The endpoint.
    pub(super) fn endpoint(&self) -> &Url {
        &self.endpoint
    }

    /// Whether it accepts archives.
    pub(super) fn takes_archives(&self) -> bool {
        self.add_car.is_some()
    }

    /// The pin of `cid` with this `name` in any state; of several the most advanced; `None` without one.
    pub(super) fn find(&self, cid: &Cid, name: &str) -> Result<Option<PinStatus>, PinningError> {
        let mut url = Self::below(&self.endpoint, "pins");
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let query = query.append_pair("cid", &canonical(cid).to_string()).append_pair("name", name).finish();
        // The separating commas are not escaped. Without this filter, only completed pins are listed.
        url.set_query(Some(&format!("{query}&status=queued,pinning,pinned,failed")));
        let found: PinResults = self.ask(&url)?;
        let is_it = |pin: &PinStatus| is(&pin.pin.cid, cid) && pin.pin.name.as_deref() == Some(name);
        let best = found.results.into_iter().filter(is_it).max_by_key(|pin| pin.status);
        best.map(checked).transpose()
    }

    /// Requests a pin of `cid` with this `name`; nodes at `origins` have the data.
    pub(super) fn add(
        &self,
        cid: &Cid,
        name: &str,
        origins: &[String],
        meta: BTreeMap<&'static str, String>,
    ) -> Result<PinStatus, PinningError> {
        let wanted = Wanted { cid: canonical(cid).to_string(), name, origins, meta };
        let body = serde_json::to_vec(&wanted).map_err(|error| PinningError::Refused(error.to_string()))?;
        let url = Self::below(&self.endpoint, "pins");
        let made: PinStatus = self.send(&self.client, &url, JSON, &body[..])?;
        if !is(&made.pin.cid, cid) {
            let other = made.pin.cid;
            return Err(PinningError::Later(format!("the service pins {other} instead of {cid}"), None));
        }
        checked(made)
    }

    /// State of a request.
    pub(super) fn status(&self, request: &str) -> Result<PinStatus, PinningError> {
        let mut url = Self::below(&self.endpoint, "pins");
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(request);
        }
        let status: PinStatus = self.ask(&url)?;
        if status.request != request {
            return Err(PinningError::Later(
                format!("the service answered a query for {request} with another pin"),
                None,
            ));
        }
        Ok(status)
    }

    /// Uploads the archive `car` with all blocks below `cid`.
    pub(super) fn upload(&self, cid: &Cid, name: &str, mut car: impl Read) -> Result<(), PinningError> {
        let Some(mut url) = self.add_car.clone() else { return Ok(()) };
        url.query_pairs_mut().append_pair("filename", &format!("{name}.car"));
        let body = SendBody::from_reader(&mut car);
        let taken: Uploaded = self.send(&self.uploads, &url, "application/vnd.ipld.car", body)?;
        if is(&taken.cid, cid) {
            return Ok(());
        }
        Err(PinningError::Refused(format!("the service received {cid}, but reports {}", taken.cid)))
    }

    fn ask<T: DeserializeOwned>(&self, url: &Url) -> Result<T, PinningError> {
        let bearer = self.bearer();
        self.read(self.client.get(url, &[("Authorization", &bearer), ("Accept", JSON)]))
    }

    fn send<T: DeserializeOwned>(
        &self,
        client: &Client,
        url: &Url,
        kind: &str,
        body: impl AsSendBody,
    ) -> Result<T, PinningError> {
        let bearer = self.bearer();
        let headers = [("Authorization", bearer.as_str()), ("Accept", JSON), ("Content-Type", kind)];
        self.read(client.post(url, &headers, body))
    }

    fn bearer(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("Bearer {}", self.token.expose()))
    }

    fn read<T: DeserializeOwned>(&self, answer: Result<Answer, HttpError>) -> Result<T, PinningError> {
        let answer = answer.map_err(|error| PinningError::of(&error, &self.token))?;
        let mut bytes = Vec::new();
        let read = answer.into_body().take(MAX_ANSWER_BYTES).read_to_end(&mut bytes);
        read.map_err(|error| PinningError::Later(format!("its answer ended early: {error}"), None))?;
        serde_json::from_slice(&bytes).map_err(|error| {
            PinningError::Later(format!("its answer is not that of a pinning service ({error})"), None)
        })
    }
}

/// The pin, if its request id is valid.
fn checked(pin: PinStatus) -> Result<PinStatus, PinningError> {
    let id = pin.request.as_str();
    if id.is_empty() || id.len() > MAX_REQUEST_BYTES || matches!(id, "." | "..") {
        return Err(PinningError::Later("the request id of the service cannot be used in a URL".into(), None));
    }
    Ok(pin)
}

/// Whether `text` is `cid`, in any CID version.
fn is(text: &str, cid: &Cid) -> bool {
    text.parse::<Cid>().is_ok_and(|said| canonical(&said) == canonical(cid))
}

/// Prints no token.
impl fmt::Debug for PinningService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinningService").field("endpoint", &self.endpoint.as_str()).finish_non_exhaustive()
    }
}
