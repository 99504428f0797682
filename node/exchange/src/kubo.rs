//! Client of the user's own kubo by its RPC (<https://docs.ipfs.tech/reference/kubo/rpc/>): fetches blocks and adds
//! published data. Access to the RPC is full control, so a kubo is trusted.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use ureq::SendBody;
use url::Url;

use super::gateway::{BLOCK_SILENCES, WORKERS, blame, read_block};
use super::workers::{Fetch, Pause, Workers};
use super::{Answers, BlockProvider, KuboAddress};
use bacalhau_cas::{Cid, DataError, canonical, check, identity_bytes};
use bacalhau_http::{Answer, Client, HttpError, Reach, Terms};

const BOUNDARY: &str = "bacalhau-car-5e2a1f0c9d7b4836";
/// Largest answer that is read where it is not a block.
const MAX_ANSWER_BYTES: u64 = 4 << 20;
/// Search timeout passed to kubo, as a fraction of our idle timeout.
const LOOKING: f64 = 0.8;

/// A kubo; connections are opened on demand.
#[derive(Debug)]
pub struct Kubo {
    side: Arc<KuboSide>,
    workers: Workers,
}

#[derive(Debug)]
struct KuboSide {
    address: KuboAddress,
    client: Client,
    /// For single blocks, which are whole after a while or not at all.
    blocks: Client,
    patience: Duration,
}

/// Identity of the kubo at the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KuboIdentity {
    /// Peer ID.
    pub peer: String,
    /// Its version, as `0.22.0`.
    pub version: String,
}

#[derive(Deserialize)]
struct Version {
    #[serde(rename = "Version")]
    version: String,
}

#[derive(Deserialize)]
struct Id {
    #[serde(rename = "ID")]
    id: String,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(rename = "Message")]
    message: String,
}

/// A line of the answer to `dag/import`.
#[derive(Deserialize)]
struct Imported {
    #[serde(rename = "Root")]
    root: Option<Root>,
}

#[derive(Deserialize)]
struct Root {
    #[serde(rename = "Cid")]
    cid: Link,
    #[serde(rename = "PinErrorMsg", default)]
    pin_error: String,
}

#[derive(Deserialize)]
struct Link {
    #[serde(rename = "/")]
    cid: String,
}

impl Kubo {
    /// The kubo at `address` with the idle timeout `patience`.
    pub fn new(address: KuboAddress, patience: Duration) -> Self {
        let terms = Terms { reach: Reach::Named, patience, total: None, idle_connections: WORKERS };
        let block_terms = Terms { total: Some(patience * BLOCK_SILENCES), ..terms.clone() };
        let (client, blocks) = (Client::new(terms), Client::new(block_terms));
        let side = Arc::new(KuboSide { address, client, blocks, patience });
        Self { workers: Workers::new(WORKERS, Arc::clone(&side) as Arc<dyn Fetch>), side }
    }

    /// Finds out whether a kubo answers, and which.
    ///
    /// # Errors
    /// When none does.
    pub fn identity(&self) -> Result<KuboIdentity, DataError> {
        let Version { version } = self.side.tell("ask for the version of", "version")?;
        let Id { id: peer } = self.side.tell("ask for the peer ID of", "id")?;
        Ok(KuboIdentity { peer, version })
    }

    /// Uploads an archive and pins the DAG of `root`.
    ///
    /// # Errors
    /// When the archive cannot be read, kubo rejects it, or pins another root.
    pub fn push(&self, car: impl Read, root: &Cid) -> Result<(), DataError> {
        let what = "publish to";
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"result.car\"\r\n\
             Content-Type: application/vnd.ipld.car\r\n\r\n"
        );
        let tail = format!("\r\n--{BOUNDARY}--\r\n");
        let mut body = head.as_bytes().chain(car).chain(tail.as_bytes());
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let query = "dag/import?pin-roots=true&allow-big-block=true";
        let url = self.side.url(query);
        let answer = self.side.client.post(&url, &[("Content-Type", &kind)], SendBody::from_reader(&mut body));
        let answer = self.side.read(what, answer)?;
        let mut pinned = Vec::new();
        for line in answer.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
            let line: Imported = self.side.parse(what, line)?;
            let Some(line) = line.root else { continue };
            if !line.pin_error.is_empty() {
                return Err(self.side.failed(what, format!("{} was not pinned: {}", line.cid.cid, line.pin_error)));
            }
            pinned.push(line.cid.cid);
        }
        let is_root = |text: &String| text.parse::<Cid>().is_ok_and(|cid| canonical(&cid) == canonical(root));
        if pinned.iter().any(is_root) {
            return Ok(());
        }
        let said = if pinned.is_empty() { "nothing".into() } else { pinned.join(", ") };
        Err(self.side.failed(what, format!("it reports pinning {said} instead of {root}")))
    }

    /// Pins the DAG of `root`, which kubo has or finds.
    ///
    /// # Errors
    /// When kubo does not pin it.
    pub fn pin(&self, root: &Cid) -> Result<(), DataError> {
        self.side.call("pin in", &format!("pin/add?arg={}&progress=false", canonical(root))).map(drop)
    }
}

impl BlockProvider for Kubo {
    fn name(&self) -> String {
        self.side.name()
    }

    fn want(&self, cids: &[Cid], answers: &Answers) {
        self.workers.want(cids, answers);
    }

    fn cancel(&self, cids: &[Cid]) {
        self.workers.cancel(cids);
    }
}

impl KuboSide {
    fn name(&self) -> String {
        format!("kubo {}", self.address)
    }

    fn url(&self, call: &str) -> Url {
        let (path, query) = call.split_once('?').map_or((call, None), |(path, query)| (path, Some(query)));
        let mut url = self.address.rpc().clone();
        url.set_path(&format!("{}/{path}", url.path().trim_end_matches('/')));
        url.set_query(query);
        url
    }

    /// Calls a method with a small answer. `what` completes "cannot … kubo".
    fn call(&self, what: &str, call: &str) -> Result<Bytes, DataError> {
        self.read(what, self.client.post(&self.url(call), &[], ""))
    }

    fn tell<T: for<'a> Deserialize<'a>>(&self, what: &str, call: &str) -> Result<T, DataError> {
        self.parse(what, &self.call(what, call)?)
    }

    fn read(&self, what: &str, answer: Result<Answer, HttpError>) -> Result<Bytes, DataError> {
        let answer = answer.map_err(|error| self.failed(what, in_words(&error)))?;
        let mut bytes = Vec::new();
        let read = answer.into_body().take(MAX_ANSWER_BYTES).read_to_end(&mut bytes);
        read.map_err(|error| self.failed(what, error.to_string()))?;
        Ok(bytes.into())
    }

    fn parse<'a, T: Deserialize<'a>>(&self, what: &str, json: &'a [u8]) -> Result<T, DataError> {
        let foreign = |error| self.failed(what, format!("the answer is not that of kubo: {error}"));
        serde_json::from_slice(json).map_err(foreign)
    }

    fn failed(&self, what: &str, why: String) -> DataError {
        DataError::io(format!("{what} {}", self.name()), io::Error::other(why))
    }
}

impl Fetch for KuboSide {
    fn fetch(&self, cid: &Cid, _pause: &Pause<'_>) -> Result<Bytes, DataError> {
        if let Some(bytes) = identity_bytes(cid) {
            return Ok(bytes);
        }
        let missing = |why: String| DataError::missing(cid, format!("{}: {why}", self.name()));
        let looking = self.patience.mul_f64(LOOKING).as_millis();
        let url = self.url(&format!("block/get?arg={}&timeout={looking}ms", canonical(cid)));
        let answer = self.blocks.post(&url, &[], "").map_err(|error| missing(in_words(&error)))?;
        let bytes = read_block(answer.into_body()).map_err(|error| missing(error.to_string()))?;
        check(cid, &bytes).map_err(|error| blame(&self.name(), cid, error))?;
        Ok(bytes)
    }
}

/// The error text of kubo, as its status is always 500.
fn in_words(error: &HttpError) -> String {
    match error {
        HttpError::Status { said, .. } => match serde_json::from_str::<Failure>(said) {
            Ok(failure) => format!("it says: {}", failure.message),
            Err(_) if said.is_empty() => format!("{error}; is this the address of its RPC?"),
            Err(_) => format!("{error}: {said}; is this the address of its RPC?"),
        },
        _ => format!("{error}; is it running, and is this the address of its RPC (Addresses.API)?"),
    }
}

#[cfg(test)]
mod tests;
