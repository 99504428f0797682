//! What values have to be beside being of their type: addresses that can be dialled, templates that name a place, limits
//! that fit each other.

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use url::Url;

use super::ConfigError;
use super::keys::{ApiSettings, Config, EstuarySettings, StorageSettings, SwarmSettings};
use crate::exchange::Peer;
use crate::storage::{CidUrlStorage, UnsealedStorage};

/// The longest that a requester may wait for bids, in milliseconds.
const MAX_BIDDING_MS: u64 = 600_000;
/// The longest that a part of a fair draw may take, in milliseconds.
const MAX_DRAW_MS: u64 = 60_000;
/// What stands for nobody in a list of peers.
const NONE: &str = "none";

impl Config {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.swarm.peer_addrs()?;
        self.storage.peers()?;
        let of = |key, error: &dyn std::fmt::Display| together(format!("{key}: {error}"));
        if let Some(template) = &self.storage.filecoin_unsealed_path {
            UnsealedStorage::check(template).map_err(|error| of("storage.filecoin_unsealed_path", &error))?;
        }
        if let Some(template) = &self.storage.cid_url {
            CidUrlStorage::check(template).map_err(|error| of("storage.cid_url", &error))?;
        }
        for (key, url) in
            [("compute.probe_http", &self.compute.probe_http), ("publisher.local_url", &self.publisher.local_url)]
        {
            let Some(url) = url else { continue };
            let parsed = Url::parse(url).map_err(|error| of(key, &error))?;
            if !matches!(parsed.scheme(), "http" | "https") {
                return Err(of(key, &format!("{url} is no http:// or https:// URL")));
            }
        }
        self.api.check()?;
        self.estuary.check()?;
        self.filecoin.check()?;
        self.beacon_relays()?;
        self.check_numbers()
    }

    fn check_numbers(&self) -> Result<(), ConfigError> {
        let compute = &self.compute;
        let size = |size: Option<bacalhau_values::Size>| size.map(|size| size.0);
        let cpu = |cpu: Option<super::Cpu>| cpu.map(|cpu| cpu.0);
        let limits = [
            ("cpu", cpu(compute.job_cpu), cpu(compute.total_cpu)),
            ("memory", size(compute.job_memory), size(compute.total_memory)),
            ("disk", size(compute.job_disk), size(compute.total_disk)),
        ];
        for (what, job, total) in limits {
            if let (Some(job), Some(total)) = (job, total)
                && job > total
            {
                return Err(together(format!(
                    "compute.job_{what} is more than compute.total_{what}, so that one job could take more than all"
                )));
            }
        }
        if self.requester.tries == 0 {
            return Err(together("requester.tries is 0, so that nothing would run: give at least 1"));
        }
        if self.requester.bidding.millis() > MAX_BIDDING_MS {
            return Err(together("requester.bidding is more than 10m: providers keep no offer open for so long"));
        }
        for (key, span) in [("fair_bidding", self.requester.fair_bidding), ("reveal", self.requester.reveal)] {
            if !(1..=MAX_DRAW_MS).contains(&span.millis()) {
                return Err(together(format!("requester.{key} is not between 1ms and 1m")));
            }
        }
        if self.requester.silence.millis() < 3000 {
            return Err(together(
                "requester.silence is under 3 s: providers send at most one heartbeat a second, and three of them have to fit",
            ));
        }
        Ok(())
    }
}

impl ApiSettings {
    fn check(&self) -> Result<(), ConfigError> {
        match (&self.tls_cert, &self.tls_key) {
            (Some(_), None) => {
                Err(together("api.tls_cert is set and api.tls_key (--api-tls-key) is not: TLS needs both"))
            }
            (None, Some(_)) => {
                Err(together("api.tls_key is set and api.tls_cert (--api-tls-cert) is not: TLS needs both"))
            }
            _ => Ok(()),
        }
    }
}

impl SwarmSettings {
    /// Nodes to connect to.
    ///
    /// # Errors
    /// When one is no multiaddr, or does not say who is there.
    pub fn peer_addrs(&self) -> Result<Vec<Multiaddr>, ConfigError> {
        let named = self.peers.iter().filter(|text| *text != NONE);
        named
            .map(|text| {
                let addr: Multiaddr = text.parse().map_err(|error| {
                    together(format!("swarm.peers: {text} is no multiaddr ({error}): write /ip4/…/tcp/…/p2p/ID"))
                })?;
                match addr.iter().last() {
                    Some(Protocol::P2p(_)) => Ok(addr),
                    _ => Err(together(format!("swarm.peers: {text} does not say who is there: add /p2p/ID"))),
                }
            })
            .collect()
    }
}

impl StorageSettings {
    /// Whom to ask for blocks.
    ///
    /// # Errors
    /// When somebody is named who cannot be asked.
    pub fn peers(&self) -> Result<Vec<Peer>, ConfigError> {
        let named = self.ipfs_connect.iter().filter(|text| *text != NONE);
        named.map(|text| text.parse().map_err(|error| together(format!("storage.ipfs_connect: {error}")))).collect()
    }
}

impl EstuarySettings {
    fn check(&self) -> Result<(), ConfigError> {
        let endpoint = self.endpoint.as_deref().map(|text| service_url("estuary.endpoint", text)).transpose()?;
        match self.add_car.as_deref() {
            None | Some("true" | "false") => {}
            Some(text) => drop(service_url("estuary.add_car", text)?),
        }
        if endpoint.is_some() && self.token.is_none() && self.token_file.is_none() {
            return Err(together(
                "estuary.endpoint is set and no token is: set BACALHAU_ESTUARY_TOKEN or estuary.token_file",
            ));
        }
        Ok(())
    }
}

/// The URL of a service that is told a token. What is wrong with it is said without the URL, which may hold a password.
pub(super) fn service_url(key: &str, text: &str) -> Result<Url, ConfigError> {
    let wrong = |why: &str| together(format!("{key}: {why}"));
    let url = Url::parse(text).map_err(|error| wrong(&format!("this is no URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong("this is no http:// or https:// URL"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("there are credentials in this URL: leave them out, the token is what counts"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("this URL has a part behind ? or #: leave it out"));
    }
    Ok(url)
}

pub(super) fn together(why: impl Into<String>) -> ConfigError {
    ConfigError::Together(why.into())
}
