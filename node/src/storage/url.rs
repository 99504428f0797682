//! Files behind `http` and `https`, fetched whole into a temporary file before anything reads them: a run must see
//! the same bytes each time it looks. No retries and no resuming.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bacalhau_runtime::{Checked, HostFailure};
use tempfile::TempPath;
use ureq::Body;
use ureq::http::Response;
use ureq::tls::{RootCerts, TlsConfig};

use super::fetched::Fetched;
use super::{Opened, Source, Storage, foreign};

const CONNECT_SECONDS: u64 = 10;
const MAX_REDIRECTS: u32 = 5;
const CHUNK_BYTES: usize = 64 << 10;

/// Told after each piece that arrives: the bytes so far, and how many there will be if the server said so.
pub type Progress = Arc<dyn Fn(u64, Option<u64>) + Send + Sync>;

/// How URLs are fetched.
#[derive(Clone)]
pub struct Fetching {
    /// A larger file is refused, at the latest when this much of it has arrived.
    pub max_bytes: u64,
    /// The longest silence of a server.
    pub patience: Duration,
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
            .field("spool_dir", &self.spool_dir)
            .finish_non_exhaustive()
    }
}

/// The storage of [`Source::Url`].
#[derive(Debug)]
pub struct UrlStorage {
    fetching: Fetching,
}

impl UrlStorage {
    /// A storage that fetches as `fetching` says.
    pub fn new(fetching: Fetching) -> Self {
        Self { fetching }
    }

    fn request(&self, url: &str, method: Method) -> Result<Response<Body>, String> {
        let secure = url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // Never down from https to http by a redirect.
            .https_only(secure)
            .max_redirects(MAX_REDIRECTS)
            .timeout_connect(Some(Duration::from_secs(CONNECT_SECONDS)))
            .timeout_recv_response(Some(self.fetching.patience))
            .timeout_per_read(Some(self.fetching.patience))
            // The certificates that this machine trusts, a company's own among them.
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .user_agent(concat!("bacalhau/", env!("CARGO_PKG_VERSION")))
            // The bytes that the URL names, not a packed form of them.
            .accept_encoding("identity")
            .build()
            .new_agent();
        let response = match method {
            Method::Get => agent.get(url).call(),
            Method::Head => agent.head(url).call(),
        };
        let response = response.map_err(|error| self.explain(&error))?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(format!("the server answered {}", response.status()))
        }
    }

    fn fetch(&self, source: &Source) -> Result<TempPath, HostFailure> {
        let failed = |why: String| HostFailure::new(format!("cannot fetch {}: {why}", source.recorded()));
        let response = self.request(url_of(source)?, Method::Get).map_err(failed)?;
        let total = response.body().content_length();
        if total.is_some_and(|total| total > self.fetching.max_bytes) {
            return Err(failed(self.too_large()));
        }
        let spool_dir = &self.fetching.spool_dir;
        let spool = tempfile::NamedTempFile::with_prefix_in(".bacalhau-input-", spool_dir)
            .map_err(|error| HostFailure::at("make a temporary file in", spool_dir, error))?;
        let (mut file, path) = spool.into_parts();
        let mut body = response.into_body().into_reader();
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut received = 0;
        loop {
            let length = body.read(&mut chunk).map_err(|error| failed(self.broken_off(error, received, total)))?;
            if length == 0 {
                return Ok(path);
            }
            received += length as u64;
            if received > self.fetching.max_bytes {
                return Err(failed(self.too_large()));
            }
            file.write_all(&chunk[..length]).map_err(|error| HostFailure::at("write", &path, error))?;
            (self.fetching.progress)(received, total);
        }
    }

    fn too_large(&self) -> String {
        format!("it is larger than {} bytes; allow more with --input-bytes", self.fetching.max_bytes)
    }

    fn broken_off(&self, error: io::Error, received: u64, total: Option<u64>) -> String {
        let of_total = total.map_or_else(String::new, |total| format!(" of {total}"));
        let why = self.explain(&ureq::Error::from(error));
        format!("it broke off after {received}{of_total} bytes: {why}")
    }

    fn explain(&self, error: &ureq::Error) -> String {
        match error {
            ureq::Error::Timeout(ureq::Timeout::Connect) => format!("no connection within {CONNECT_SECONDS} s"),
            ureq::Error::Timeout(_) => format!("the server was silent for {} s", self.fetching.patience.as_secs_f64()),
            ureq::Error::TooManyRedirects => format!("it redirects more than {MAX_REDIRECTS} times"),
            ureq::Error::RequireHttpsOnly(url) => format!("it redirects from https to {url}, which is not safe"),
            ureq::Error::HostNotFound => "there is no such host; check the address and the network".into(),
            ureq::Error::Io(error) => error.to_string(),
            other => other.to_string(),
        }
    }
}

#[derive(Clone, Copy)]
enum Method {
    Get,
    Head,
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
        let Ok(response) = self.request(url_of(source)?, Method::Head) else { return Ok(None) };
        let length = response.headers().get("content-length").and_then(|length| length.to_str().ok());
        Ok(length.and_then(|length| length.parse().ok()))
    }

    fn open(&self, source: &Source) -> Result<Opened, HostFailure> {
        let path = self.fetch(source)?;
        let fetched = Fetched::new(path).map_err(|error| HostFailure::io("open a fetched file", error))?;
        Ok(Opened::by("url", source.recorded(), Checked::Hashed, Arc::new(fetched)))
    }
}

fn url_of(source: &Source) -> Result<&str, HostFailure> {
    match source {
        Source::Url(url) => Ok(url),
        _ => Err(foreign(source, "URLs")),
    }
}
