//! A router that is asked over HTTP for the providers of a CID (<https://specs.ipfs.tech/routing/http-routing-v1/>). It is not trusted: what the
//! providers send is checked against the CID.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use url::Url;

use super::answer_error::AnswerError;
use super::record::Record;
use super::{BITSWAP, GATEWAY, GRAPHSYNC, UNKNOWN};
use bacalhau_cas::{Cid, canonical};
use bacalhau_http::{Answer, Client, HttpError, Reach, Terms};

/// Largest answer that is one JSON object.
pub(super) const MAX_JSON_BYTES: u64 = 512 << 10;
/// Largest answer that is a stream.
const MAX_STREAM_BYTES: u64 = 4 << 20;
/// Longest line of a stream.
pub(super) const MAX_LINE_BYTES: u64 = 64 << 10;
/// Records that are read of one answer. The specification has 100 for an answer that is not a stream.
const MAX_RECORDS: usize = 256;
/// Providers without addresses for which the addresses are asked for.
const MAX_PEERS: usize = 4;
const ACCEPT: &str = "application/x-ndjson, application/json";
/// Transports of addresses that this node can use, and those that contain one of them and cannot be used.
const FILTER_ADDRS: &str = "unknown,tcp,quic-v1,http,https,!ws,!wss,!webtransport,!webrtc-direct,!webrtc,!p2p-circuit";
/// How long a router that failed is not asked again.
const QUIET: Duration = Duration::from_mins(1);

/// A router, as users name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouterAddress {
    /// A router, by the URL before `/routing/v1`.
    Url(Url),
    /// A kubo or rainbow on this machine at its default port, where one answers.
    Local,
}

/// Why a text names no router.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text} is not a router: {why}; write https://host for one that speaks Routing V1, or local for a kubo or rainbow on this machine"
)]
pub struct RouterError {
    text: String,
    why: &'static str,
}

impl FromStr for RouterAddress {
    type Err = RouterError;

    fn from_str(text: &str) -> Result<Self, RouterError> {
        if text == "local" {
            return Ok(Self::Local);
        }
        let refused = |why| Err(RouterError { text: text.into(), why });
        let Ok(mut url) = Url::parse(text) else { return refused("it is not a URL") };
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return refused("it is not an http:// or https:// URL");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refused("there can be nothing after ? or #");
        }
        let path = url.path().trim_end_matches('/').trim_end_matches("/providers").to_owned();
        url.set_path(path.strip_suffix("/routing/v1").unwrap_or(&path));
        Ok(Self::Url(url))
    }
}

/// What a router says while it answers.
#[derive(Debug)]
pub(super) enum Heard {
    /// The answer has begun.
    Head,
    /// A provider.
    Record(Record),
}

/// A router, and when it is asked again.
pub(super) struct Router {
    base: Url,
    client: Client,
    /// Until when it is not asked, and why.
    quiet: Mutex<Option<(Instant, String)>>,
}

impl Router {
    /// The router at `base`, whose longest time for an answer is `patience`.
    pub(super) fn new(base: Url, patience: Duration) -> Self {
        let terms = Terms { reach: Reach::Named, patience, total: Some(patience), idle_connections: 2 };
        Self { base, client: Client::new(terms), quiet: Mutex::default() }
    }

    pub(super) fn name(&self) -> String {
        format!("router {}", shown(&self.base))
    }

    /// Why it is not asked now, if it failed a moment ago.
    pub(super) fn is_quiet(&self) -> Option<AnswerError> {
        let quiet = self.quiet.lock().unwrap_or_else(PoisonError::into_inner);
        quiet.as_ref().filter(|(until, _)| Instant::now() < *until).map(|(_, why)| AnswerError::Paused(why.clone()))
    }

    /// It failed: it is not asked for a minute.
    pub(super) fn failed(&self, why: &AnswerError) {
        let why = why.to_string();
        *self.quiet.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now() + QUIET, why));
    }

    /// Asks for the providers of `cid`. Passes each record to `hear` as it arrives; `false` ends the answer. An answer without records is not an error.
    ///
    /// # Errors
    /// Why there is no answer, or none that is one.
    pub(super) fn providers(&self, cid: &Cid, hear: &mut dyn FnMut(Heard) -> bool) -> Result<(), AnswerError> {
        let mut nameless = Vec::new();
        let mut goes_on = true;
        self.ask("providers", &canonical(cid).to_string(), &mut |heard| {
            goes_on = match heard {
                Heard::Record(record) if record.addrs.is_empty() => {
                    if nameless.len() < MAX_PEERS {
                        nameless.push(record);
                    }
                    true
                }
                heard => hear(heard),
            };
            goes_on
        })?;
        for record in nameless {
            let mut found = record.clone();
            if goes_on {
                // Without its addresses the provider is still one that is named.
                let _ = self.ask("peers", &record.id, &mut |heard| {
                    if let Heard::Record(peer) = heard {
                        found.addrs.extend(peer.addrs);
                        if found.protocols.is_empty() {
                            found.protocols = peer.protocols;
                        }
                    }
                    true
                });
                goes_on = hear(Heard::Record(found));
            }
        }
        Ok(())
    }

    fn ask(&self, of: &str, name: &str, hear: &mut dyn FnMut(Heard) -> bool) -> Result<(), AnswerError> {
        let mut url = self.base.clone();
        let base = self.base.path().trim_end_matches('/');
        url.set_path(&format!("{base}/routing/v1/{of}/{name}"));
        let protocols = format!("{UNKNOWN},{BITSWAP},{GATEWAY},{GRAPHSYNC}");
        url.set_query(Some(&format!("filter-addrs={FILTER_ADDRS}&filter-protocols={protocols}")));
        match self.client.get(&url, &[("Accept", ACCEPT)]) {
            Ok(answer) => {
                if hear(Heard::Head) {
                    read(answer, hear)
                } else {
                    Ok(())
                }
            }
            // The specification's word for no record.
            Err(HttpError::Status { status, .. }) if status.as_u16() == 404 => {
                hear(Heard::Head);
                Ok(())
            }
            Err(error) => Err(AnswerError::Http(error)),
        }
    }
}

/// By its name, since its URL may hold a password.
impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// A URL without credentials and without the slash at the end.
pub(super) fn shown(url: &Url) -> String {
    let mut bare = url.clone();
    // Both can be set on a URL with a host, as these are.
    let _ = bare.set_username("");
    let _ = bare.set_password(None);
    bare.as_str().trim_end_matches('/').to_owned()
}

fn read(answer: Answer, hear: &mut dyn FnMut(Heard) -> bool) -> Result<(), AnswerError> {
    let kind = answer.header("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let body = answer.into_body();
    match kind.as_str() {
        "application/x-ndjson" => read_stream(body, hear),
        "application/json" => read_object(body, hear),
        kind => {
            let kind: String = kind.chars().filter(|c| !c.is_control()).take(60).collect();
            Err(AnswerError::ContentType(kind))
        }
    }
}

/// A stream: a record a line. A line that is not one is skipped.
fn read_stream(body: impl Read, hear: &mut dyn FnMut(Heard) -> bool) -> Result<(), AnswerError> {
    let mut body = BufReader::new(body.take(MAX_STREAM_BYTES));
    let mut records = 0;
    let mut line = Vec::new();
    while records < MAX_RECORDS {
        line.clear();
        let read = body.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line).map_err(AnswerError::Read)?;
        if read == 0 {
            break;
        }
        if read as u64 == MAX_LINE_BYTES && line.last() != Some(&b'\n') {
            return Err(AnswerError::LongLine);
        }
        let record = serde_json::from_slice::<Value>(&line).ok().and_then(|value| Record::of(&value));
        if let Some(record) = record {
            records += 1;
            if !hear(Heard::Record(record)) {
                break;
            }
        }
    }
    Ok(())
}

/// One object with all records.
fn read_object(body: impl Read, hear: &mut dyn FnMut(Heard) -> bool) -> Result<(), AnswerError> {
    let mut bytes = Vec::new();
    body.take(MAX_JSON_BYTES + 1).read_to_end(&mut bytes).map_err(AnswerError::Read)?;
    if bytes.len() as u64 > MAX_JSON_BYTES {
        return Err(AnswerError::TooLarge);
    }
    let value: Value = serde_json::from_slice(&bytes).map_err(AnswerError::NotJson)?;
    let records = value.get("Providers").or_else(|| value.get("Peers"));
    let records = records.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for record in records.iter().take(MAX_RECORDS).filter_map(Record::of) {
        if !hear(Heard::Record(record)) {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
