//! The market that providers run today: Curio's market 2.0 (mk20), a JSON API under `/market/mk20`. A deal is proposed under
//! a name of ours, its data is fetched by the provider or uploaded, and its state is asked for until it is sealed. Written
//! after the published schema (Swagger) and the sources of Curio. A deal that
//! the market knows is not proposed again, and data that it has is not uploaded again.

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

use super::{Backend, Deal, Fact, Stage, Trouble, Wallet};
use crate::http::{Answer, Client, HttpError, Reach, Terms};
use proposal::Proposal;

/// Where the market is below the URL of a provider.
const PATH: &str = "market/mk20";
const JSON: &str = "application/json";
/// Bytes of an answer that are read, at most.
const MAX_ANSWER_BYTES: u64 = 64 << 10;
/// The longest silence of a market. It gives up itself after ten seconds, but not while it takes data.
const PATIENCE: Duration = Duration::from_mins(1);
/// Refusals of an uploader's signature in a row: the minute that was signed may have been over.
const SIGNATURES: usize = 2;

/// Whatever markets deals name, by the signatures of one signer.
pub struct Curio {
    client: Client,
    wallet: Arc<dyn Wallet>,
}

impl Curio {
    /// Markets are asked in the name of wallets that `wallet` signs for.
    pub fn new(wallet: Arc<dyn Wallet>) -> Self {
        Self::with_patience(wallet, PATIENCE)
    }

    /// The same, where a market may be silent for `patience`.
    pub fn with_patience(wallet: Arc<dyn Wallet>, patience: Duration) -> Self {
        // The URL is of whoever runs this node.
        let terms = Terms { reach: Reach::Named, patience, total: None, idle_connections: 1 };
        Self { client: Client::new(terms), wallet }
    }
}

/// What is asked for the next step of one deal.
struct Call<'a> {
    curio: &'a Curio,
    deal: &'a Deal,
    /// When the step began, in Unix milliseconds, and by the clock that does not jump: data may take its time.
    now_ms: u64,
    since: Instant,
}

impl Call<'_> {
    /// Proposes the deal, unless the market knows it.
    fn propose(&self) -> Result<Fact, Trouble> {
        if self.status()?.is_some() {
            return Ok(Fact::Proposed);
        }
        let text = serde_json::to_vec(&Proposal::of(self.deal)).map_err(|error| Trouble::later(error.to_string()))?;
        match self.ask(&Method::POST, "deal", Some(JSON), || Ok(text.clone())) {
            Ok(_) => Ok(Fact::Proposed),
            Err(failed) => Err(failed.at("the proposal")),
        }
    }

    /// One signed request below the deal's market. `content` is the type of `body`.
    fn ask<B: AsSendBody>(
        &self,
        method: &Method,
        path: &str,
        content: Option<&str>,
        body: impl Fn() -> Result<B, Trouble>,
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
                // A question is answered so where the deal is not known.
                Err(error) if left > 0 && method != Method::GET && error.status() == Some(StatusCode::UNAUTHORIZED) => {
                }
                answer => return answer.map_err(Failed::Asked),
            }
        }
    }
}

/// Why there is no answer: the market's doing, or ours.
#[derive(Debug)]
enum Failed {
    Asked(HttpError),
    Trouble(Trouble),
}

impl Failed {
    /// What it means as the answer to `what`.
    fn at(self, what: &str) -> Trouble {
        match self {
            Self::Asked(error) => code::trouble(what, &error),
            Self::Trouble(trouble) => trouble,
        }
    }

    /// The status of the answer, where there was one.
    fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Asked(error) => error.status(),
            Self::Trouble(_) => None,
        }
    }
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl Backend for Curio {
    fn advance(&self, deal: &Deal, now_ms: u64) -> Result<Fact, Trouble> {
        let call = Call { curio: self, deal, now_ms, since: Instant::now() };
        match deal.stage {
            Stage::Checked | Stage::Allocated => call.propose(),
            Stage::Accepted if deal.url.is_none() => call.upload(),
            _ => match call.status()? {
                Some((state, words)) => Ok(Fact::Market(state, words)),
                None => {
                    Err(Trouble::later("the market does not know the deal, or does not take the wallet's signature"))
                }
            },
        }
    }
}

/// The URL of `path` in the market below `market`.
fn endpoint(market: &str, path: &str) -> Result<Url, Trouble> {
    let text = format!("{}/{PATH}/{path}", market.trim_end_matches('/'));
    text.parse()
        .map_err(|error| Trouble::never(format!("the market's URL makes no sense: {error}"), "set filecoin.market"))
}

/// What a market answers in JSON.
fn json<T: serde::de::DeserializeOwned>(answer: Answer, what: &str) -> Result<T, Trouble> {
    let malformed = |error: &dyn fmt::Display| Trouble::later(format!("the market's {what} makes no sense: {error}"));
    let mut bytes = Vec::new();
    answer.into_body().take(MAX_ANSWER_BYTES).read_to_end(&mut bytes).map_err(|error| malformed(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| malformed(&error))
}

impl fmt::Debug for Curio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Curio").field("wallet", &self.wallet).finish_non_exhaustive()
    }
}
