//! The configuration of each component of a node, from the settings.

use std::path::PathBuf;
use std::sync::Arc;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

use super::keys::{Config, EstuarySettings};
use super::types::Dispatch;
use super::{ConfigError, default_data_dir};
use crate::node::{NodeConfig, PiecePlaces};
use bacalhau_announce::Announcing;
use bacalhau_compute::{ComputeConfig, HeldLimits, Maxima, OfferLimits};
use bacalhau_exchange::Fetched;
use bacalhau_job::{BeaconChain, Distinct, DrawMode, Resources};
use bacalhau_objects::ObjectStores;
use bacalhau_publisher::{ObjectPublisher, PinningService};
use bacalhau_requester::RequesterConfig;
use bacalhau_values::Secret;

impl Config {
    /// The data directory.
    ///
    /// # Errors
    /// When none is set and there is no home directory.
    pub fn data_dir(&self) -> Result<PathBuf, ConfigError> {
        self.node
            .data_dir
            .clone()
            .or_else(default_data_dir)
            .ok_or_else(|| ConfigError::Together("no home directory found: set node.data_dir".into()))
    }

    /// Configuration of the requester.
    ///
    /// # Errors
    /// When the description of the beacon's chain cannot be read.
    pub fn requester_config(&self) -> Result<RequesterConfig, ConfigError> {
        let requester = &self.requester;
        Ok(RequesterConfig {
            bidding_ms: requester.bidding.millis(),
            silence_ms: requester.silence.millis(),
            grace_ms: requester.grace.millis(),
            publishing_ms: requester.publishing.millis(),
            tries: requester.tries,
            stalled_ms: requester.stalled.millis(),
            announce_ms: requester.announce_every.millis(),
            distinct: requester.distinct.unwrap_or(if self.is_closed() { Distinct::None } else { Distinct::Prefix }),
            draw: requester.draw.unwrap_or(if self.is_closed() { DrawMode::Fast } else { DrawMode::Fair }),
            fair_bidding_ms: requester.fair_bidding.millis(),
            reveal_ms: requester.reveal.millis(),
            beacon: (!requester.beacon_urls.is_empty()).then(|| self.beacon_chain()).transpose()?.map(Arc::new),
            queue_ms: requester.queue_timeout.millis(),
            bidding_jobs: usize::try_from(requester.bidding_jobs).unwrap_or(usize::MAX),
            queued_jobs: usize::try_from(requester.queued_jobs).unwrap_or(usize::MAX),
            client_queued_jobs: usize::try_from(requester.client_queued_jobs).unwrap_or(usize::MAX),
            client_weights: Arc::new(requester.client_turns.iter().map(|it| (it.client, it.turns)).collect()),
            client_bytes: requester.client_jobs_size.0,
            operators: Arc::new(requester.operators.iter().map(|it| (it.peer, it.name.clone())).collect()),
        })
    }

    /// Whether executions run on other machines.
    pub fn dispatches(&self) -> bool {
        self.compute.dispatcher != Dispatch::Local
    }

    /// Whether this is a closed cluster or a loopback-only node. There, bidders need not be distinguished by address,
    /// and draws need no public randomness.
    fn is_closed(&self) -> bool {
        let loopback = |addr: &Multiaddr| match addr.iter().next() {
            Some(Protocol::Ip4(ip)) => ip.is_loopback(),
            Some(Protocol::Ip6(ip)) => ip.is_loopback(),
            _ => false,
        };
        !self.swarm.allow_peers.is_empty() || self.swarm.listen.iter().all(loopback)
    }

    /// Configuration of the provider on a machine with these resources.
    ///
    /// # Errors
    /// When a limit exceeds them.
    pub fn compute_config(&self, machine: Resources) -> Result<ComputeConfig, ConfigError> {
        let total = self.total(machine)?;
        let compute = &self.compute;
        let per_job = Resources {
            cpu_millis: compute.job_cpu.map_or(total.cpu_millis, |cpu| cpu.0.min(total.cpu_millis)),
            memory_bytes: compute.job_memory.map_or(total.memory_bytes, |size| size.0.min(total.memory_bytes)),
            disk_bytes: compute.job_disk.map_or(total.disk_bytes, |size| size.0.min(total.disk_bytes)),
        };
        let offers = OfferLimits {
            lapse_ms: compute.offer_time.millis(),
            bidding_ms: compute.max_bidding.millis(),
            requester_percent: compute.requester_offers.0,
            client_percent: compute.client_offers.0,
        };
        Ok(ComputeConfig {
            total,
            per_job,
            keep_ms: compute.keep_results.millis(),
            offers,
            held: HeldLimits { total_bytes: compute.announced_memory.0, ..HeldLimits::default() },
            miner: self.filecoin.claim(),
            beacons: Arc::new(vec![BeaconChain::quicknet(), self.beacon_chain()?]),
            ..ComputeConfig::default()
        })
    }

    /// The maxima of a job that the provider accepts.
    pub fn maxima(&self) -> Maxima {
        let compute = &self.compute;
        Maxima {
            timeout_seconds: compute.max_timeout.0.as_secs(),
            module_bytes: compute.max_module.0,
            table_elements: compute.max_table_elements.into(),
            open_files: compute.max_open_files.into(),
            output_bytes: compute.max_output.0,
            output_files: compute.max_output_files.into(),
            log_bytes: compute.max_log.0,
            args: compute.max_args.into(),
            args_bytes: compute.max_args_size.0,
            env: compute.max_env.into(),
            env_bytes: compute.max_env_size.0,
        }
    }

    /// The access token for servers; `None` when none is set.
    ///
    /// # Errors
    /// When the token file cannot be read.
    pub fn api_token(&self) -> Result<Option<Secret>, ConfigError> {
        match (&self.client.api_token, &self.client.api_token_file) {
            (Some(token), _) => Ok(Some(token.clone())),
            (None, Some(file)) => Secret::from_file(file)
                .map(Some)
                .map_err(|failure| ConfigError::Together(format!("client.api_token_file: {failure}"))),
            (None, None) => Ok(None),
        }
    }

    /// The publisher `s3`; `None` when it is not configured.
    pub fn object_publisher(&self) -> Option<ObjectPublisher> {
        let prefix = self.publisher.object_store.clone()?;
        Some(ObjectPublisher::new(Arc::new(ObjectStores::new(self.storage.patience.0)), prefix))
    }

    /// The pinning service of the publisher `estuary`; `None` when it is not configured.
    ///
    /// # Errors
    /// When the token file cannot be read.
    pub fn pinning_service(&self) -> Result<Option<PinningService>, ConfigError> {
        let EstuarySettings { endpoint, token, token_file, add_car } = &self.estuary;
        let Some(endpoint) = endpoint.as_ref().and_then(|text| text.parse().ok()) else { return Ok(None) };
        let token = match (token, token_file) {
            (Some(token), _) => token.clone(),
            (None, Some(file)) => Secret::from_file(file)
                .map_err(|failure| ConfigError::Together(format!("estuary.token_file: {failure}")))?,
            (None, None) => return Ok(None),
        };
        let add_car = match add_car.as_deref() {
            None | Some("false") => None,
            Some("true") => Some(PinningService::below(&endpoint, "content/add-car")),
            Some(url) => url.parse().ok(),
        };
        Ok(Some(PinningService::new(endpoint, token, add_car)))
    }

    fn total(&self, machine: Resources) -> Result<Resources, ConfigError> {
        // The capacity of a cluster is not that of this machine.
        let dispatches = self.dispatches();
        let part = |key: &str, wanted: Option<u64>, there: u64, unit: &str| match wanted {
            Some(wanted) if dispatches => Ok(wanted),
            Some(wanted) if wanted > there => Err(ConfigError::Together(format!(
                "compute.{key} is {wanted} {unit}, but this machine has {there}: lower it"
            ))),
            wanted => Ok(wanted.unwrap_or(there)),
        };
        let compute = &self.compute;
        Ok(Resources {
            cpu_millis: part(
                "total_cpu",
                compute.total_cpu.map(|cpu| cpu.0),
                machine.cpu_millis,
                "thousandths of a core",
            )?,
            memory_bytes: part("total_memory", compute.total_memory.map(|size| size.0), machine.memory_bytes, "bytes")?,
            disk_bytes: part("total_disk", compute.total_disk.map(|size| size.0), machine.disk_bytes, "bytes")?,
        })
    }

    /// Configuration of advertisements; `None` advertises nothing.
    ///
    /// # Errors
    /// When an indexer is no URL, or no data directory is known.
    pub fn announcing(&self) -> Result<Option<Announcing>, ConfigError> {
        let announce = &self.announce;
        let Some(listen) = announce.ipni_listen else { return Ok(None) };
        Ok(Some(Announcing {
            listen,
            url: announce.ipni_url.as_deref().and_then(|text| text.parse().ok()),
            addresses: announce.addresses.clone(),
            indexers: announce.indexers()?,
            dir: self.data_dir()?.join("announced"),
        }))
    }

    /// Configuration of the data sources. `fetched` counts all bytes that are fetched as blocks.
    ///
    /// # Errors
    /// When there is no data directory.
    pub fn node_config(&self, fetched: Fetched) -> Result<NodeConfig, ConfigError> {
        let storage = &self.storage;
        Ok(NodeConfig {
            data_dir: self.data_dir()?,
            store_bytes: storage.store_size.0,
            connect: storage.peers()?,
            routing: storage.routing()?,
            unsealed: storage.filecoin_unsealed_path.clone().map(|template| (template, storage.unsealed_verify)),
            cid_url: storage.cid_url.clone(),
            pieces: PiecePlaces {
                paths: storage.piece_paths.clone(),
                numbers: storage.piece_numbers.clone(),
                urls: storage.piece_urls.clone(),
                verify: storage.unsealed_verify,
            },
            fetch: storage.fetch,
            patience: storage.patience.0,
            dials: true,
            fetched,
        })
    }
}
