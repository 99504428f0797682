//! A pinning service, spoken to over HTTP: it is asked for what it has, told what to pin, and sent archives where it takes
//! them. When which of this is done is the business of `course`.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::time::Duration;

use serde::de::DeserializeOwned;
use ureq::{AsSendBody, SendBody};
use url::Url;
use zeroize::Zeroizing;

use super::trouble::Trouble;
use super::wire::{PinResults, PinStatus, Uploaded, Wanted};
use crate::cas::{Cid, canonical};
use crate::http::{Answer, Client, HttpError, Reach, Terms};
use bacalhau_values::Secret;

const JSON: &str = "application/json";

/// The longest silence of a service that is asked something.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest silence of one that has taken an archive: it looks through all of it.
const UPLOAD_PATIENCE: Duration = Duration::from_mins(5);
/// Bytes of an answer, at most: ten pins with what a service may say of each.
const MAX_ANSWER_BYTES: u64 = 1 << 20;
/// Bytes of the name that a service gives a request.
const MAX_REQUEST_BYTES: usize = 1 << 10;

/// A service that speaks the IPFS Pinning Service API.
#[derive(Clone)]
pub struct PinningService {
    endpoint: Url,
    token: Secret,
    add_car: Option<Url>,
    client: Client,
    uploads: Client,
}

impl PinningService {
    /// The service that has `/pins` below `endpoint`, which it opens to who has `token`, and takes archives at `add_car`, if
    /// it does. The URLs hold no credentials.
    pub fn new(endpoint: Url, token: Secret, add_car: Option<Url>) -> Self {
        Self::with_patience(endpoint, token, add_car, PATIENCE)
    }

    /// The same, where a silence longer than `patience` is too long.
    pub(super) fn with_patience(endpoint: Url, token: Secret, add_car: Option<Url>, patience: Duration) -> Self {
        // Whoever runs this wrote the URL, so it may be of their own network.
        let terms = Terms { reach: Reach::Named, patience, total: Some(patience * 2), idle_connections: 1 };
        let upload_terms = Terms { patience: patience.max(UPLOAD_PATIENCE), total: None, ..terms.clone() };
        Self { endpoint, token, add_car, client: Client::new(terms), uploads: Client::new(upload_terms) }
    }

    /// What is below its endpoint.
    pub fn below(endpoint: &Url, path: &str) -> Url {
        let mut url = endpoint.clone();
        url.set_path(&format!("{}/{path}", endpoint.path().trim_end_matches('/')));
        url
    }

    /// By what people know it.
    pub(super) fn host(&self) -> &str {
        self.endpoint.host_str().unwrap_or_default()
    }

    /// Where it is.
    pub(super) fn endpoint(&self) -> &Url {
        &self.endpoint
    }

    /// Whether it takes archives.
    pub(super) fn takes_archives(&self) -> bool {
        self.add_car.is_some()
    }

    /// The pin of `cid` under `name`, if there is one, whatever has become of it: of several the best.
    pub(super) fn find(&self, cid: &Cid, name: &str) -> Result<Option<PinStatus>, Trouble> {
        let mut url = Self::below(&self.endpoint, "pins");
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let query = query.append_pair("cid", &canonical(cid).to_string()).append_pair("name", name).finish();
        // The commas separate, so they are no part of what is escaped. Without this, only what is pinned is listed.
        url.set_query(Some(&format!("{query}&status=queued,pinning,pinned,failed")));
        let found: PinResults = self.ask(&url)?;
        let is_it = |pin: &PinStatus| is(&pin.pin.cid, cid) && pin.pin.name.as_deref() == Some(name);
        let best = found.results.into_iter().filter(is_it).max_by_key(|pin| pin.status);
        best.map(checked).transpose()
    }

    /// Has it pin `cid` under `name`, which nodes at `origins` have.
    pub(super) fn add(
        &self,
        cid: &Cid,
        name: &str,
        origins: &[String],
        meta: BTreeMap<&'static str, String>,
    ) -> Result<PinStatus, Trouble> {
        let wanted = Wanted { cid: canonical(cid).to_string(), name, origins, meta };
        let body = serde_json::to_vec(&wanted).map_err(|error| Trouble::Refused(error.to_string()))?;
        let url = Self::below(&self.endpoint, "pins");
        let made: PinStatus = self.send(&self.client, &url, JSON, &body[..])?;
        if !is(&made.pin.cid, cid) {
            let other = made.pin.cid;
            return Err(Trouble::Later(format!("the service says that it pins {other} and not {cid}"), None));
        }
        checked(made)
    }

    /// How far it is with a request.
    pub(super) fn status(&self, request: &str) -> Result<PinStatus, Trouble> {
        let mut url = Self::below(&self.endpoint, "pins");
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(request);
        }
        let status: PinStatus = self.ask(&url)?;
        if status.request != request {
            return Err(Trouble::Later(
                format!("the service was asked for {request} and answered with another pin"),
                None,
            ));
        }
        Ok(status)
    }

    /// Sends it the archive `car` of all that is below `cid`.
    pub(super) fn upload(&self, cid: &Cid, name: &str, mut car: impl Read) -> Result<(), Trouble> {
        let Some(mut url) = self.add_car.clone() else { return Ok(()) };
        url.query_pairs_mut().append_pair("filename", &format!("{name}.car"));
        let body = SendBody::from_reader(&mut car);
        let taken: Uploaded = self.send(&self.uploads, &url, "application/vnd.ipld.car", body)?;
        if is(&taken.cid, cid) {
            return Ok(());
        }
        Err(Trouble::Refused(format!("the service was sent {cid} and says that it has taken {}", taken.cid)))
    }

    fn ask<T: DeserializeOwned>(&self, url: &Url) -> Result<T, Trouble> {
        let bearer = self.bearer();
        self.read(self.client.get(url, &[("Authorization", &bearer), ("Accept", JSON)]))
    }

    fn send<T: DeserializeOwned>(
        &self,
        client: &Client,
        url: &Url,
        kind: &str,
        body: impl AsSendBody,
    ) -> Result<T, Trouble> {
        let bearer = self.bearer();
        let headers = [("Authorization", bearer.as_str()), ("Accept", JSON), ("Content-Type", kind)];
        self.read(client.post(url, &headers, body))
    }

    fn bearer(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("Bearer {}", self.token.expose()))
    }

    fn read<T: DeserializeOwned>(&self, answer: Result<Answer, HttpError>) -> Result<T, Trouble> {
        let answer = answer.map_err(|error| Trouble::of(&error, &self.token))?;
        let mut bytes = Vec::new();
        let read = answer.into_body().take(MAX_ANSWER_BYTES).read_to_end(&mut bytes);
        read.map_err(|error| Trouble::Later(format!("its answer broke off: {error}"), None))?;
        serde_json::from_slice(&bytes)
            .map_err(|error| Trouble::Later(format!("its answer is none of a pinning service ({error})"), None))
    }
}

/// The pin, if its request can be asked for.
fn checked(pin: PinStatus) -> Result<PinStatus, Trouble> {
    let id = pin.request.as_str();
    if id.is_empty() || id.len() > MAX_REQUEST_BYTES || matches!(id, "." | "..") {
        return Err(Trouble::Later("the service calls the pin by a name that cannot be asked for".into(), None));
    }
    Ok(pin)
}

/// Whether `text` names `cid`, of whichever version.
fn is(text: &str, cid: &Cid) -> bool {
    text.parse::<Cid>().is_ok_and(|said| canonical(&said) == canonical(cid))
}

/// Without the token.
impl fmt::Debug for PinningService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinningService").field("endpoint", &self.endpoint.as_str()).finish_non_exhaustive()
    }
}
