//! Asks relays of a beacon for rounds. What they say counts only with a signature that verifies, so any relay will do.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::verify;
use crate::http::{Client, Reach, Terms};
use crate::job::BeaconChain;

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
    /// Asks these relays for rounds of `chain`, in this order.
    pub fn new(relays: Vec<Url>, chain: Arc<BeaconChain>) -> Self {
        // The URLs are of whoever runs this node.
        let terms = Terms { reach: Reach::Named, patience: PATIENCE, total: Some(TOTAL), idle_connections: 1 };
        Self { client: Client::new(terms), relays, chain }
    }

    /// The signature of a round, in hexadecimal, which has been checked.
    ///
    /// # Errors
    /// What each of the relays answers instead.
    pub fn round(&self, round: u64) -> Result<String, String> {
        let mut problems = Vec::new();
        for relay in &self.relays {
            let name = relay.host_str().unwrap_or_default();
            match self.ask(relay, round) {
                Ok(signature) => return Ok(signature),
                Err(why) => problems.push(format!("{name}: {why}")),
            }
        }
        Err(problems.join("; "))
    }

    fn ask(&self, relay: &Url, round: u64) -> Result<String, String> {
        let path = format!("{}/{}/public/{round}", relay.as_str().trim_end_matches('/'), self.chain.hash());
        let url: Url = path.parse().map_err(|error| format!("{path} is not a URL: {error}"))?;
        let answer = self.client.get(&url, &[]).map_err(|error| error.to_string())?;
        let mut text = Vec::new();
        answer.into_body().take(MAX_ANSWER_BYTES).read_to_end(&mut text).map_err(|error| error.to_string())?;
        let said: Round = serde_json::from_slice(&text).map_err(|error| format!("not a round of a beacon: {error}"))?;
        if said.round != round {
            return Err(format!("it answers with round {} instead of {round}", said.round));
        }
        let signature = said.signature.to_ascii_lowercase();
        verify(&self.chain, round, &signature).map(|()| signature)
    }
}
