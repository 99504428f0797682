//! Client of beacon relays. Relays are not trusted: only verified signatures count.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::{RelayError, RoundError, verify};
use bacalhau_http::{Client, Reach, Terms};
use bacalhau_job::BeaconChain;

/// The longest silence of a relay.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest time for an answer.
const TOTAL: Duration = Duration::from_secs(10);
/// Bytes of an answer, at most. One has some 200.
const MAX_ANSWER_BYTES: u64 = 16 << 10;

/// The relays of a chain.
#[derive(Debug)]
pub struct Beacon {
    client: Client,
    relays: Vec<Url>,
    chain: Arc<BeaconChain>,
}

#[derive(Deserialize)]
struct Round {
    round: u64,
    signature: String,
}

impl Beacon {
    /// A client of these relays for `chain`, in order.
    pub fn new(relays: Vec<Url>, chain: Arc<BeaconChain>) -> Self {
        // The operator configures the URLs.
        let terms = Terms { reach: Reach::Named, patience: PATIENCE, total: Some(TOTAL), idle_connections: 1 };
        Self { client: Client::new(terms), relays, chain }
    }

    /// The verified signature of a round in hexadecimal.
    ///
    /// # Errors
    /// The error of each relay.
    pub fn round(&self, round: u64) -> Result<String, RoundError> {
        let mut problems = Vec::new();
        for relay in &self.relays {
            match self.ask(relay, round) {
                Ok(signature) => return Ok(signature),
                Err(why) => problems.push((relay.host_str().unwrap_or_default().to_owned(), why)),
            }
        }
        Err(RoundError(problems))
    }

    fn ask(&self, relay: &Url, round: u64) -> Result<String, RelayError> {
        let path = format!("{}/{}/public/{round}", relay.as_str().trim_end_matches('/'), self.chain.hash());
        let url: Url = path.parse().map_err(|why| RelayError::Url { text: path, why })?;
        let answer = self.client.get(&url, &[]).map_err(RelayError::Http)?;
        let mut text = Vec::new();
        answer.into_body().take(MAX_ANSWER_BYTES).read_to_end(&mut text).map_err(RelayError::Read)?;
        let said: Round = serde_json::from_slice(&text).map_err(RelayError::Malformed)?;
        if said.round != round {
            return Err(RelayError::OtherRound { answered: said.round, requested: round });
        }
        let signature = said.signature.to_ascii_lowercase();
        verify(&self.chain, round, &signature).map_err(RelayError::Signature)?;
        Ok(signature)
    }
}
