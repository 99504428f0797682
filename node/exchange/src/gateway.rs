//! Client of a trustless gateway, which serves blocks by CID
//! (<https://specs.ipfs.tech/http-gateways/trustless-gateway/>). Every block is verified.

use std::fmt;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use url::Url;

use super::workers::{Fetch, Pause, Workers};
use super::{Answers, BlockProvider, CarFetch, Sink};
use bacalhau_cas::{Cid, DataError, MAX_BLOCK_BYTES, canonical, check, identity_bytes, unixfs::Scope};
use bacalhau_http::{Body, Client, HttpError, Reach, Terms};

/// Maximum concurrent requests to a gateway.
pub(super) const WORKERS: usize = 8;
/// Maximum retries when the gateway is busy or failing.
const RETRIES: u32 = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Maximum pause that a gateway may request.
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// Longest time for a block, as a multiple of the longest silence.
pub(super) const BLOCK_SILENCES: u32 = 3;

/// A trustless gateway.
#[derive(Debug)]
pub struct Gateway {
    pub(super) side: Arc<GatewaySide>,
    pub(super) workers: Workers,
}

/// State shared by the threads of a gateway.
pub(super) struct GatewaySide {
    base: Url,
    /// Client for single blocks.
    client: Client,
    /// For whole archives, which take as long as they take.
    pub(super) streams: Client,
    pub(super) patience: Duration,
    /// End of the pause requested by the gateway.
    quiet_until: Mutex<Option<Instant>>,
    /// Whether its last answer was none, or not what was asked for.
    fault: AtomicBool,
}

impl Gateway {
    /// The gateway at `base` with the idle timeout `patience`.
    pub fn new(base: Url, patience: Duration) -> Self {
        Self::reaching(base, patience, Reach::Named)
    }

    /// The same, with connections to the addresses of `reach` only.
    pub(super) fn reaching(base: Url, patience: Duration, reach: Reach) -> Self {
        let terms = Terms { reach, patience, total: None, idle_connections: WORKERS };
        let block_terms = Terms { total: Some(patience * BLOCK_SILENCES), ..terms.clone() };
        let (client, streams) = (Client::new(block_terms), Client::new(terms));
        let (quiet_until, fault) = (Mutex::default(), AtomicBool::new(false));
        let side = Arc::new(GatewaySide { base, client, streams, patience, quiet_until, fault });
        Self { workers: Workers::new(WORKERS, Arc::clone(&side) as Arc<dyn Fetch>), side }
    }

    /// Whether its last answer was none, or not what was asked for. From then on that counts as said.
    pub(super) fn take_fault(&self) -> bool {
        self.side.fault.swap(false, Ordering::Relaxed)
    }
}

impl BlockProvider for Gateway {
    fn name(&self) -> String {
        self.side.name()
    }

    fn want(&self, cids: &[Cid], answers: &Answers) {
        self.workers.want(cids, answers);
    }

    fn fetch_dag(&self, root: &Cid, sink: &mut Sink<'_>) {
        let what = CarFetch { root: *root, scope: Scope::All, max_bytes: u64::MAX };
        // A missing block is requested again by its reader, who receives the error.
        let _ = self.fetch_car(what, sink);
    }

    fn cancel(&self, cids: &[Cid]) {
        self.workers.cancel(cids);
    }
}

impl GatewaySide {
    pub(super) fn name(&self) -> String {
        let shown = self.base.as_str().split_once("://").map_or("", |(_, rest)| rest);
        let shown = shown.rsplit_once('@').map_or(shown, |(_, host)| host);
        format!("gateway {}://{}", self.base.scheme(), shown.trim_end_matches('/'))
    }

    /// URL of `cid` with `query`.
    pub(super) fn url(&self, cid: &Cid, query: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/ipfs/{}", self.base.path().trim_end_matches('/'), canonical(cid)));
        url.set_query(Some(query));
        url
    }

    fn ask(&self, cid: &Cid) -> Result<Body, HttpError> {
        let answer = self.client.get(&self.url(cid, "format=raw"), &[("Accept", "application/vnd.ipld.raw")])?;
        Ok(answer.into_body())
    }

    fn missing(&self, cid: &Cid, why: impl fmt::Display) -> DataError {
        DataError::missing(cid, format!("{}: {why}", self.name()))
    }

    /// Pause before a retry after `error`; `None` if a retry is useless. After 504, the gateway would only search
    /// again.
    fn pause_after(&self, error: &HttpError, tries: u32) -> Option<Duration> {
        let HttpError::Status { status, retry_after, .. } = error else { return None };
        let busy = matches!(status.as_u16(), 429 | 500 | 502 | 503);
        let pause = retry_after.unwrap_or(FIRST_PAUSE * 2_u32.pow(tries));
        if !busy || tries >= RETRIES || pause > MAX_PAUSE {
            return None;
        }
        if status.as_u16() == 429 {
            *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + pause);
        }
        Some(pause)
    }

    fn quiet(&self) -> Duration {
        let until = *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }
}

/// By its name, since its URL may hold a password.
impl fmt::Debug for GatewaySide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl Fetch for GatewaySide {
    fn fetch(&self, cid: &Cid, pause: &Pause<'_>) -> Result<Bytes, DataError> {
        if let Some(bytes) = identity_bytes(cid) {
            return Ok(bytes);
        }
        let mut tries = 0;
        let body = loop {
            if !pause.wait(self.quiet()) {
                return Err(self.missing(cid, "request was cancelled"));
            }
            match self.ask(cid) {
                Ok(body) => break body,
                Err(error) => match self.pause_after(&error, tries) {
                    Some(time) if pause.wait(time) => tries += 1,
                    _ => {
                        self.fault.store(!matches!(error, HttpError::Status { .. }), Ordering::Relaxed);
                        return Err(self.missing(cid, error));
                    }
                },
            }
        };
        let bytes = read_block(body).map_err(|error| self.missing(cid, error));
        let checked = bytes.and_then(|bytes| {
            check(cid, &bytes).map_err(|error| blame(&self.name(), cid, error))?;
            Ok(bytes)
        });
        self.fault.store(checked.is_err(), Ordering::Relaxed);
        checked
    }
}

/// All of `body`, or a byte more than a block may have.
pub(super) fn read_block(body: impl Read) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    body.take(MAX_BLOCK_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

/// Adds the gateway's name to an error about its data.
pub(super) fn blame(name: &str, cid: &Cid, error: DataError) -> DataError {
    match error {
        DataError::Corrupt { why, .. } => DataError::corrupt(cid, format!("{name} sent it, and {why}")),
        DataError::OutOfBounds { .. } => DataError::out_of_bounds(
            format!("block {cid}"),
            format!("{name} sent more than {MAX_BLOCK_BYTES} bytes, which no block has"),
        ),
        other => other,
    }
}

#[cfg(test)]
mod tests;
