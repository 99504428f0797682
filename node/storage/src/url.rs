//! Files behind `http` and `https`, fetched whole into a temporary file before anything reads them: a run must see
//! the same bytes each time it looks. What breaks off is resumed where the server can tell that it still has the same
//! file.

use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bacalhau_runtime::{Checked, HostFailure};
use url::Url;

use super::fetched::Fetched;
use super::part::Part;
use super::{Opened, Source, Storage, foreign};
use bacalhau_files::temporary::TempFile;
use bacalhau_http::{Client, Paced, Reach, Terms};
use bacalhau_values::hex::Hex;

const CHUNK_BYTES: usize = 64 << 10;
/// Connections to one server that are kept.
const IDLE_CONNECTIONS: usize = 2;
/// Most breaks of one transfer, unless this much arrived in between.
const MAX_BREAKS: u32 = 5;
const SOLID_BYTES: u64 = 1 << 20;

/// Told after each piece that arrives: the bytes so far, and how many there will be if the server said so.
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
    /// Hears of each piece that arrives.
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
    /// A storage that fetches as `fetching` says.
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
        while let Err(trouble) = self.go_on(&url, &mut part) {
            let why = match trouble {
                Trouble::Host(failure) => return Err(failure),
                Trouble::Final(why) => return Err(failed(why)),
                Trouble::BrokeOff(why) => why,
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
                Err(failed(format!("its SHA-256 is {}, and {} was asked for", Hex(&digest), Hex(&wanted))))
            }
            _ => Ok(path),
        }
    }

    /// Fetches what `part` lacks, or all of it anew where the server has another file by now.
    fn go_on(&self, url: &Url, part: &mut Part) -> Result<(), Trouble> {
        let answer = match part.rest() {
            None => self.client.get(url, &[]),
            Some((range, validator)) => self.client.get(url, &[("Range", &range), ("If-Range", validator)]),
        };
        let first = part.rest().is_none();
        let answer = answer.map_err(|error| {
            if first || error.is_final() {
                Trouble::Final(error.to_string())
            } else {
                Trouble::BrokeOff(broken_off(part, &error))
            }
        })?;
        if !part.begin(&answer)? {
            return Err(Trouble::Final("the server answered with another part than it was asked for".into()));
        }
        if part.total().is_some_and(|total| total > self.fetching.max_bytes) {
            return Err(Trouble::Final(self.too_large()));
        }
        let mut body = Paced::new(answer.into_body(), self.fetching.patience);
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let length = body.read(&mut chunk).map_err(|error| Trouble::BrokeOff(broken_off(part, &error)))?;
            if length == 0 {
                return Ok(());
            }
            if part.received() + length as u64 > self.fetching.max_bytes {
                return Err(Trouble::Final(self.too_large()));
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
enum Trouble {
    /// It may go on from there.
    BrokeOff(String),
    /// It would not help to ask again.
    Final(String),
    /// This machine failed.
    Host(HostFailure),
}

impl From<HostFailure> for Trouble {
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
        // Many servers do not answer HEAD, or only for those who may also write: then the size is just not known.
        Ok(self.client.head(&url_of(source)?.0).ok().and_then(|answer| answer.length()))
    }

    fn open(&self, source: &Source) -> Result<Opened, HostFailure> {
        let path = self.fetch_file(source)?;
        let fetched = Fetched::new(path).map_err(|error| HostFailure::io("open a fetched file", error))?;
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
