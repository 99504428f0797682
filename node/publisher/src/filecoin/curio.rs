//! Client of Curio's market 2.0 (mk20), a JSON API under `/market/mk20`, by its published schema (Swagger) and sources.
//! It proposes a deal under our id; the provider fetches the data or receives an upload; the state is polled until the
//! deal is sealed. Known deals are not proposed again, and received data is not uploaded again.

mod auth;
mod code;
mod proposal;
mod status;
mod upload;

use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ureq::AsSendBody;
use ureq::http::{Method, StatusCode};
use url::Url;

use super::{Backend, BackendError, Observation, Stage, StorageDeal, Wallet};
use bacalhau_http::{Answer, Client, HttpError, Reach, Terms};
use proposal::Proposal;

/// Path of the market below the URL of a provider.
const PATH: &str = "market/mk20";
const JSON: &str = "application/json";
/// Maximum size of an answer in bytes.
const MAX_ANSWER_BYTES: u64 = 64 << 10;
/// Idle timeout. The market's own is ten seconds, but not during uploads.
const PATIENCE: Duration = Duration::from_mins(1);
/// Maximum successive rejections of an upload's signature, whose minute may have passed.
const SIGNATURES: usize = 2;

/// A client of the markets in deals, with one wallet signer.
pub struct Curio {
    client: Client,
    wallet: Arc<dyn Wallet>,
}

impl Curio {
    /// A client that signs with `wallet`.
    pub fn new(wallet: Arc<dyn Wallet>) -> Self {
        Self::with_patience(wallet, PATIENCE)
    }

    /// The same with the idle timeout `patience`.
    pub fn with_patience(wallet: Arc<dyn Wallet>, patience: Duration) -> Self {
        // The operator configures the URL.
        let terms = Terms { reach: Reach::Named, patience, total: None, idle_connections: 1 };
        Self { client: Client::new(terms), wallet }
    }
}

/// The next step of a deal.
struct Call<'a> {
    curio: &'a Curio,
    deal: &'a StorageDeal,
    /// Start of the step, in Unix milliseconds and by the monotonic clock: uploads may be slow.
    now_ms: u64,
    since: Instant,
}

impl Call<'_> {
    /// Proposes the deal, unless the market knows it.
    fn propose(&self) -> Result<Observation, BackendError> {
        if self.status()?.is_some() {
            return Ok(Observation::Proposed);
        }
        let text =
            serde_json::to_vec(&Proposal::of(self.deal)).map_err(|error| BackendError::later(error.to_string()))?;
        match self.ask(&Method::POST, "deal", Some(JSON), || Ok(text.clone())) {
            Ok(_) => Ok(Observation::Proposed),
            Err(failed) => Err(failed.at("the proposal")),
        }
    }

    /// A signed request to the deal's market. `content` is the type of `body`.
    fn ask<B: AsSendBody>(
        &self,
        method: &Method,
        path: &str,
        content: Option<&str>,
        body: impl Fn() -> Result<B, BackendError>,
    ) -> Result<Answer, Failed> {
        let Curio { client, wallet } = self.curio;
        let url = endpoint(&self.deal.terms.market, path)?;
        let mut left = SIGNATURES;
        loop {
            let now_ms = self.now_ms + u64::try_from(self.since.elapsed().as_millis()).unwrap_or_default();
            let signed = auth::header(&**wallet, &self.deal.terms.wallet, method.as_str(), url.path(), now_ms)?;
            let mut headers = vec![("authorization", signed.as_str())];
            headers.extend(content.map(|content| ("content-type", content)));
            let answer = match *method {
                Method::GET => client.get(&url, &headers),
                Method::PUT => client.put(&url, &headers, body()?),
                _ => client.post(&url, &headers, body()?),
            };
            left -= 1;
            match answer {
                // The market's answer for an unknown deal.
                Err(error) if left > 0 && method != Method::GET && error.status() == Some(StatusCode::UNAUTHORIZED) => {
                }
                answer => return answer.map_err(Failed::Asked),
            }
        }
    }
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

    /// Status of the answer, if there is one.
    fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Asked(error) => error.status(),
            Self::BackendError(_) => None,
        }
    }
}

impl From<BackendError> for Failed {
    fn from(error: BackendError) -> Self {
        Self::BackendError(error)
    }
}

impl Backend for Curio {
    fn advance(&self, deal: &StorageDeal, now_ms: u64) -> Result<Observation, BackendError> {
        let call = Call { curio: self, deal, now_ms, since: Instant::now() };
        match deal.stage {
            Stage::Checked | Stage::Allocated => call.propose(),
            Stage::Accepted if deal.url.is_none() => call.upload(),
            _ => match call.status()? {
                Some((state, words)) => Ok(Observation::Market(state, words)),
                None => {
                    Err(BackendError::later("the market does not know the deal, or rejects the wallet's signature"))
                }
            },
        }
    }
}

/// URL of `path` in the market at `market`.
fn endpoint(market: &str, path: &str) -> Result<Url, BackendError> {
    let text = format!("{}/{PATH}/{path}", market.trim_end_matches('/'));
    text.parse()
        .map_err(|error| BackendError::never(format!("the market's URL is invalid: {error}"), "set filecoin.market"))
}

/// Parses a JSON answer.
fn json<T: serde::de::DeserializeOwned>(answer: Answer, what: &str) -> Result<T, BackendError> {
    let malformed =
        |error: &dyn fmt::Display| BackendError::later(format!("the market's {what} is malformed: {error}"));
    let mut bytes = Vec::new();
    answer.into_body().take(MAX_ANSWER_BYTES).read_to_end(&mut bytes).map_err(|error| malformed(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| malformed(&error))
}

impl fmt::Debug for Curio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Curio").field("wallet", &self.wallet).finish_non_exhaustive()
    }
}
