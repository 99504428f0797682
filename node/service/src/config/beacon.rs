//! The configuration of the beacon for fair draws.

use std::fs::File;
use std::io::Read as _;
use std::sync::Arc;

use url::Url;

use super::ConfigError;
use super::check::{service_url, together};
use super::keys::Config;
use bacalhau_beacon::{Beacon, parse_chain};
use bacalhau_job::BeaconChain;

/// Maximum size of a chain description in bytes. A typical one has 600.
const MAX_BYTES: u64 = 16 << 10;

impl Config {
    /// The relays of the beacon.
    ///
    /// # Errors
    /// When one is not a URL.
    pub(super) fn beacon_relays(&self) -> Result<Vec<Url>, ConfigError> {
        self.requester.beacon_urls.iter().map(|url| service_url("requester.beacon_urls", url)).collect()
    }

    /// The chain of the beacon, also when no relay is configured.
    ///
    /// # Errors
    /// When the description file cannot be read or is invalid.
    pub fn beacon_chain(&self) -> Result<BeaconChain, ConfigError> {
        let Some(path) = &self.requester.beacon_chain else { return Ok(BeaconChain::quicknet()) };
        let wrong = |why: String| together(format!("requester.beacon_chain: {}: {why}", path.display()));
        let mut text = String::new();
        let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
        file.take(MAX_BYTES).read_to_string(&mut text).map_err(|error| wrong(error.to_string()))?;
        parse_chain(&text).map_err(|error| wrong(error.to_string()))
    }

    /// The client for rounds of the beacon; `None` when no relay is configured.
    ///
    /// # Errors
    /// When the chain description cannot be read (see [`beacon_chain`](Self::beacon_chain)) or a relay is not a URL.
    pub fn beacon(&self) -> Result<Option<Beacon>, ConfigError> {
        let relays = self.beacon_relays()?;
        if relays.is_empty() {
            return Ok(None);
        }
        Ok(Some(Beacon::new(relays, Arc::new(self.beacon_chain()?))))
    }
}
