//! Files over `http` and `https`, fetched completely into a temporary file before use: a run must read the same bytes
//! each time. Interrupted downloads are resumed if the server confirms that the file is unchanged.

use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bacalhau_receipt::Checked;
use bacalhau_tree::HostFailure;
use url::Url;

use super::backed::Backed;
use super::part::Part;
use super::{Opened, Source, Storage, foreign};
use bacalhau_files::temporary::TempFile;
use bacalhau_http::{Client, MinRateBody, Reach, Terms};
use bacalhau_values::hex::Hex;

const CHUNK_BYTES: usize = 64 << 10;
/// Connections to one server that are kept.
const IDLE_CONNECTIONS: usize = 2;
/// Most breaks of one transfer, unless this much arrived in between.
const MAX_BREAKS: u32 = 5;
const SOLID_BYTES: u64 = 1 << 20;

/// Called after each received chunk with the bytes so far, and the total if known.
pub type Progress = Arc<dyn Fn(u64, Option<u64>) + Send + Sync>;

/// How URLs are fetched.
#[derive(Clone)]
pub struct Fetching {
    /// A larger file is refused, at the latest when this much of it has arrived.
    pub max_bytes: u64,
    /// The longest silence of a server.
    pub patience: Duration,
    /// Which addresses may be connected to.
    pub reach: Reach,
    /// Directory of the temporary files. They vanish with the trees that read them.
    pub spool_dir: PathBuf,
    /// Called after each received chunk.
    pub progress: Progress,
}

impl fmt::Debug for Fetching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetching")
            .field("max_bytes", &self.max_bytes)
            .field("patience", &self.patience)
            .field("reach", &self.reach)
            .field("spool_dir", &self.spool_dir)
            .finish_non_exhaustive()
    }
}

/// The storage of [`Source::Url`].
#[derive(Debug)]
pub struct UrlStorage {
    fetching: Fetching,
    client: Client,
}

impl UrlStorage {
    /// A storage that fetches by `fetching`.
    pub fn new(fetching: Fetching) -> Self {
        let client = Client::new(Terms {
            reach: fetching.reach,
            patience: fetching.patience,
            total: None,
            idle_connections: IDLE_CONNECTIONS,
        });
        Self { fetching, client }
    }

    /// Fetches the file of `source` into a temporary one.
    ///
    /// # Errors
    /// When it cannot be fetched, is too large, or has another hash than the source names.
    pub fn fetch_file(&self, source: &Source) -> Result<TempFile, HostFailure> {
        let failed = |why: String| HostFailure::new(format!("cannot fetch {}: {why}", source.recorded()));
        let (url, sha256) = url_of(source)?;
        let mut part = Part::new(&self.fetching.spool_dir)?;
        let (mut breaks, mut solid) = (0, 0);
        while let Err(error) = self.go_on(&url, &mut part) {
            let why = match error {
                TransferError::Host(failure) => return Err(failure),
                TransferError::Final(why) => return Err(failed(why)),
                TransferError::BrokeOff(why) => why,
            };
            if part.received() >= solid + SOLID_BYTES {
                (breaks, solid) = (0, part.received());
            }
            breaks += 1;
            if part.rest().is_none() || breaks > MAX_BREAKS {
                return Err(failed(why));
            }
        }
        let (path, digest) = part.finish();
        match sha256 {
            Some(wanted) if wanted != digest => {
                Err(failed(format!("its SHA-256 is {}, but {} is required", Hex(&digest), Hex(&wanted))))
            }
            _ => Ok(path),
        }
    }

    /// Fetches the rest of `part`, or everything if the server's file has changed.
    fn go_on(&self, url: &Url, part: &mut Part) -> Result<(), TransferError> {
        let answer = match part.rest() {
            None => self.client.get(url, &[]),
            Some((range, validator)) => self.client.get(url, &[("Range", &range), ("If-Range", validator)]),
        };
        let first = part.rest().is_none();
        let answer = answer.map_err(|error| {
            if first || error.is_final() {
                TransferError::Final(error.to_string())
            } else {
                TransferError::BrokeOff(broken_off(part, &error))
            }
        })?;
        if !part.begin(&answer)? {
            return Err(TransferError::Final("the server answered with another range than requested".into()));
        }
        if part.total().is_some_and(|total| total > self.fetching.max_bytes) {
            return Err(TransferError::Final(self.too_large()));
        }
        let mut body = MinRateBody::new(answer.into_body(), self.fetching.patience);
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let length = body.read(&mut chunk).map_err(|error| TransferError::BrokeOff(broken_off(part, &error)))?;
            if length == 0 {
                return Ok(());
            }
            if part.received() + length as u64 > self.fetching.max_bytes {
                return Err(TransferError::Final(self.too_large()));
            }
            part.append(&chunk[..length])?;
            (self.fetching.progress)(part.received(), part.total());
        }
    }

    fn too_large(&self) -> String {
        format!("it is larger than {} bytes; allow more with --input-bytes", self.fetching.max_bytes)
    }
}

/// Why a transfer ended early.
enum TransferError {
    /// It may go on from there.
    BrokeOff(String),
    /// It would not help to ask again.
    Final(String),
    /// This machine failed.
    Host(HostFailure),
}

impl From<HostFailure> for TransferError {
    fn from(failure: HostFailure) -> Self {
        Self::Host(failure)
    }
}

fn broken_off(part: &Part, why: &impl fmt::Display) -> String {
    let of_total = part.total().map_or_else(String::new, |total| format!(" of {total}"));
    format!("it broke off after {}{of_total} bytes: {why}", part.received())
}

impl Storage for UrlStorage {
    fn name(&self) -> &'static str {
        "url"
    }

    fn has_locally(&self, _source: &Source) -> Result<bool, HostFailure> {
        Ok(false)
    }

    fn size(&self, source: &Source) -> Result<Option<u64>, HostFailure> {
        // Many servers reject HEAD; then the size is unknown.
        Ok(self.client.head(&url_of(source)?.0).ok().and_then(|answer| answer.length()))
    }

    fn open(&self, source: &Source) -> Result<Opened, HostFailure> {
        let path = self.fetch_file(source)?;
        let fetched = Backed::new(path).map_err(|error| HostFailure::io("open a fetched file", error))?;
        Ok(Opened::by("url", source.recorded(), Checked::Hashed, Arc::new(fetched)))
    }
}

fn url_of(source: &Source) -> Result<(Url, Option<[u8; 32]>), HostFailure> {
    let Source::Url { url, sha256 } = source else { return Err(foreign(source, "URLs")) };
    let unusable = |error| HostFailure::new(format!("{} is not a usable URL: {error}", source.recorded()));
    Ok((Url::parse(url).map_err(unusable)?, *sha256))
}

#[cfg(test)]
mod tests;
