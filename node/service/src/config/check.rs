//! Validation beyond the type of a value: addresses that can be dialled, templates with a placeholder, limits that are
//! consistent.

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use url::Url;

use super::ConfigError;
use super::keys::{AnnounceSettings, ApiSettings, Config, EstuarySettings, StorageSettings, SwarmSettings};
use super::types::Dispatch;
use bacalhau_exchange::{ProviderAddress, Routing, RoutingTerms};
use bacalhau_storage::{CidUrlStorage, PieceCopies, PieceUrls, UnsealedStorage};

/// Maximum of `requester.bidding` in milliseconds.
const MAX_BIDDING_MS: u64 = 600_000;
/// Maximum of each phase of a fair draw in milliseconds.
const MAX_DRAW_MS: u64 = 60_000;
/// The entry that makes a list of peers empty.
const NONE: &str = "none";

impl Config {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.swarm.peer_addrs()?;
        self.storage.peers()?;
        self.storage.routing()?;
        let of = |key, error: &dyn std::fmt::Display| together(format!("{key}: {error}"));
        if let Some(template) = &self.storage.filecoin_unsealed_path {
            UnsealedStorage::check(template).map_err(|error| of("storage.filecoin_unsealed_path", &error))?;
        }
        if let Some(template) = &self.storage.cid_url {
            CidUrlStorage::check(template).map_err(|error| of("storage.cid_url", &error))?;
        }
        for template in &self.storage.piece_paths {
            PieceCopies::check(template, self.storage.piece_numbers.is_some())
                .map_err(|error| of("storage.piece_paths", &error))?;
        }
        for template in &self.storage.piece_urls {
            PieceUrls::check(template).map_err(|error| of("storage.piece_urls", &error))?;
        }
        for (key, url) in
            [("compute.probe_http", &self.compute.probe_http), ("publisher.local_url", &self.publisher.local_url)]
        {
            let Some(url) = url else { continue };
            let parsed = Url::parse(url).map_err(|error| of(key, &error))?;
            if !matches!(parsed.scheme(), "http" | "https") {
                return Err(of(key, &format!("{url} is not an http:// or https:// URL")));
            }
        }
        self.api.check()?;
        self.announce.check()?;
        self.estuary.check()?;
        self.filecoin.check()?;
        self.pdp.check()?;
        self.beacon_relays()?;
        self.check_dispatcher()?;
        self.check_numbers()
    }

    fn check_dispatcher(&self) -> Result<(), ConfigError> {
        let (compute, cluster) = (&self.compute, &self.cluster);
        if compute.dispatcher == Dispatch::Local {
            return Ok(());
        }
        let needs = |what: &str| {
            Err(together(format!("compute.dispatcher is not local, and {what}: see the chapter on clusters")))
        };
        match &cluster.dir {
            None => return needs("cluster.dir is not set: name a directory that all workers see at the same path"),
            Some(dir) if !dir.is_absolute() => return needs("cluster.dir is not an absolute path"),
            Some(_) => {}
        }
        if compute.total_cpu.is_none() || compute.total_memory.is_none() {
            return needs(
                "compute.total_cpu or compute.total_memory is not set: set what this node offers of the cluster",
            );
        }
        if cluster.poll.millis() < 1000 {
            return needs("cluster.poll is under 1 s");
        }
        if !self.storage.piece_urls.is_empty() {
            return needs("storage.piece_urls is set: workers read pieces only from storage.piece_paths");
        }
        if compute.dispatcher == Dispatch::Kubernetes {
            return self.check_kubernetes();
        }
        match self.slurm.options.iter().find(|option| !option.starts_with("--")) {
            Some(option) => needs(&format!("{option} in slurm.options does not begin with --")),
            None => Ok(()),
        }
    }

    fn check_kubernetes(&self) -> Result<(), ConfigError> {
        let needs = |what: &str| Err(together(format!("compute.dispatcher is kubernetes, and {what}")));
        let Some(shared) = &self.kubernetes.shared else {
            return needs("kubernetes.shared is not set: name the claim that holds cluster.dir");
        };
        if self.kubernetes.image.is_none() {
            return needs("kubernetes.image is not set: name the image of workers");
        }
        match &self.cluster.dir {
            Some(dir) if !dir.starts_with(&shared.path) => {
                needs("cluster.dir is not below the path of kubernetes.shared, so workers would not see it")
            }
            _ => Ok(()),
        }
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
                    "compute.job_{what} is more than compute.total_{what}: lower the limit of one job or raise the \
                     total"
                )));
            }
        }
        if self.requester.tries == 0 {
            return Err(together("requester.tries is 0, so no execution would start: set at least 1"));
        }
        if self.requester.bidding.millis() > MAX_BIDDING_MS {
            return Err(together("requester.bidding is more than 10m: providers do not keep offers open longer"));
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
    /// When one is not a multiaddr or has no peer ID.
    pub fn peer_addrs(&self) -> Result<Vec<Multiaddr>, ConfigError> {
        let named = self.peers.iter().filter(|text| *text != NONE);
        named
            .map(|text| {
                let addr: Multiaddr = text.parse().map_err(|error| {
                    together(format!("swarm.peers: {text} is not a multiaddr ({error}): write /ip4/…/tcp/…/p2p/ID"))
                })?;
                match addr.iter().last() {
                    Some(Protocol::P2p(_)) => Ok(addr),
                    _ => Err(together(format!("swarm.peers: {text} has no peer ID: add /p2p/ID"))),
                }
            })
            .collect()
    }
}

impl StorageSettings {
    /// The sources of blocks.
    ///
    /// # Errors
    /// When an address is not supported.
    pub fn peers(&self) -> Result<Vec<ProviderAddress>, ConfigError> {
        let named = self.ipfs_connect.iter().filter(|text| *text != NONE);
        named.map(|text| text.parse().map_err(|error| together(format!("storage.ipfs_connect: {error}")))).collect()
    }

    /// The routers; `None` asks none.
    ///
    /// # Errors
    /// When an address is not one of a router.
    pub fn routing(&self) -> Result<Option<Routing>, ConfigError> {
        let terms = RoutingTerms { private: self.ipfs_router_private, patience: self.patience.0 };
        let routing = terms.routing(&self.ipfs_router, &self.ipfs_connect);
        routing.map_err(|error| together(format!("storage.ipfs_router: {error}")))
    }
}

impl AnnounceSettings {
    fn check(&self) -> Result<(), ConfigError> {
        if self.ipni_listen.is_some() && self.addresses.is_empty() {
            return Err(together(
                "announce.ipni_listen is set and announce.addresses (--announce-address) is not: name the multiaddrs at which peers reach this node",
            ));
        }
        let url = self.ipni_url.as_deref().map(|text| service_url("announce.ipni_url", text)).transpose()?;
        if url.is_some_and(|url| url.path() != "/") {
            return Err(together(
                "announce.ipni_url: this URL has a path, which announcements to indexers cannot name: leave it out",
            ));
        }
        if !self.ipni_indexers.is_empty() && (self.ipni_url.is_none() || self.ipni_listen.is_none()) {
            return Err(together(
                "announce.ipni_indexers is set, and announce.ipni_listen (--ipni-listen) or announce.ipni_url (--ipni-url) is not: indexers fetch from there",
            ));
        }
        self.indexers().map(drop)
    }

    /// URLs of indexers.
    ///
    /// # Errors
    /// When one is no URL.
    pub fn indexers(&self) -> Result<Vec<Url>, ConfigError> {
        self.ipni_indexers.iter().map(|text| service_url("announce.ipni_indexers", text)).collect()
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

/// Parses the URL of a service that receives a token. Errors do not contain the URL, which may hold a password.
pub(super) fn service_url(key: &str, text: &str) -> Result<Url, ConfigError> {
    let wrong = |why: &str| together(format!("{key}: {why}"));
    let url = Url::parse(text).map_err(|error| wrong(&format!("the URL is invalid: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong("the URL is not http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("the URL contains credentials: remove them and set the token instead"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("the URL has a query or a fragment: remove it"));
    }
    Ok(url)
}

pub(super) fn together(why: impl Into<String>) -> ConfigError {
    ConfigError::Together(why.into())
}
