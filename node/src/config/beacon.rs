//! The beacon of fair draws, as the configuration has it.

use std::fs::File;
use std::io::Read as _;
use std::sync::Arc;

use url::Url;

use super::ConfigError;
use super::check::{service_url, together};
use super::keys::Config;
use crate::beacon::{Beacon, parse_chain};
use crate::job::BeaconChain;

/// Bytes of the description of a chain, at most. One has some 600.
const MAX_BYTES: u64 = 16 << 10;

impl Config {
    /// The relays of the beacon.
    ///
    /// # Errors
    /// When one is no URL.
    pub(super) fn beacon_relays(&self) -> Result<Vec<Url>, ConfigError> {
        self.requester.beacon_urls.iter().map(|url| service_url("requester.beacon_urls", url)).collect()
    }

    /// The chain of the beacon, whether there are relays or not.
    ///
    /// # Errors
    /// When the file that describes it cannot be read, or describes none.
    pub fn beacon_chain(&self) -> Result<BeaconChain, ConfigError> {
        let Some(path) = &self.requester.beacon_chain else { return Ok(BeaconChain::quicknet()) };
        let wrong = |why: String| together(format!("requester.beacon_chain: {}: {why}", path.display()));
        let mut text = String::new();
        let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
        file.take(MAX_BYTES).read_to_string(&mut text).map_err(|error| wrong(error.to_string()))?;
        parse_chain(&text).map_err(wrong)
    }

    /// What is asked for rounds of the beacon; nothing where there are no relays.
    ///
    /// # Errors
    /// As for [`beacon_chain`](Self::beacon_chain), and when a relay is no URL.
    pub fn beacon(&self) -> Result<Option<Beacon>, ConfigError> {
        let relays = self.beacon_relays()?;
        if relays.is_empty() {
            return Ok(None);
        }
        Ok(Some(Beacon::new(relays, Arc::new(self.beacon_chain()?))))
    }
}
