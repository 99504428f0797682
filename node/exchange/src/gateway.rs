//! A trustless gateway: a web server that hands out single blocks by their CIDs
//! (<https://specs.ipfs.tech/http-gateways/trustless-gateway/>). Nothing it says is believed: each block is checked.

use std::fmt;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use url::Url;

use super::workers::{Fetch, Pause, Workers};
use super::{Answers, CarFetch, Provider, Sink};
use bacalhau_cas::unixfs::Scope;
use bacalhau_cas::{Cid, DataError, MAX_BLOCK_BYTES, canonical, check, identity_bytes};
use bacalhau_http::{Body, Client, HttpError, Reach, Terms};

/// Blocks that one gateway is asked for at once.
pub(super) const WORKERS: usize = 8;
/// How often a block is asked for again where the gateway says that it is busy or broken.
const RETRIES: u32 = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// A gateway that wants to be left alone for longer is left alone.
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// Longest time for a block, as a multiple of the longest silence.
pub(super) const BLOCK_SILENCES: u32 = 3;

/// A gateway.
#[derive(Debug)]
pub struct Gateway {
    pub(super) side: Arc<GatewaySide>,
    pub(super) workers: Workers,
}

/// What the threads of a gateway share.
pub(super) struct GatewaySide {
    base: Url,
    /// For single blocks.
    client: Client,
    /// For whole archives, which take as long as they take.
    pub(super) streams: Client,
    pub(super) patience: Duration,
    /// Until when the gateway wants to be left alone.
    quiet_until: Mutex<Option<Instant>>,
}

impl Gateway {
    /// The gateway at `base`, whose longest silence is `patience`.
    pub fn new(base: Url, patience: Duration) -> Self {
        let terms = Terms { reach: Reach::Named, patience, total: None, idle_connections: WORKERS };
        let block_terms = Terms { total: Some(patience * BLOCK_SILENCES), ..terms.clone() };
        let (client, streams) = (Client::new(block_terms), Client::new(terms));
        let side = Arc::new(GatewaySide { base, client, streams, patience, quiet_until: Mutex::default() });
        Self { workers: Workers::new(WORKERS, Arc::clone(&side) as Arc<dyn Fetch>), side }
    }
}

impl Provider for Gateway {
    fn name(&self) -> String {
        self.side.name()
    }

    fn want(&self, cids: &[Cid], answers: &Answers) {
        self.workers.want(cids, answers);
    }

    fn fetch_dag(&self, root: &Cid, sink: &mut Sink<'_>) {
        let what = CarFetch { root: *root, scope: Scope::All, max_bytes: u64::MAX };
        // What it could not give, whoever needs it asks for again, and hears why.
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

    /// Where the gateway has `cid`, asked for with `query`.
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

    /// How long to wait before asking again after `error`; `None` where that would not help. What nobody could find
    /// in time (504) would only be looked for again.
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
                return Err(self.missing(cid, "nobody asks for it any longer"));
            }
            match self.ask(cid) {
                Ok(body) => break body,
                Err(error) => match self.pause_after(&error, tries) {
                    Some(time) if pause.wait(time) => tries += 1,
                    _ => return Err(self.missing(cid, error)),
                },
            }
        };
        let bytes = read_block(body).map_err(|error| self.missing(cid, error))?;
        check(cid, &bytes).map_err(|error| blame(&self.name(), cid, error))?;
        Ok(bytes)
    }
}

/// All of `body`, or a byte more than a block may have.
pub(super) fn read_block(body: impl Read) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    body.take(MAX_BLOCK_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

/// Says of `error` who sent the bytes.
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
