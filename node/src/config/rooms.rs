//! What each room of a node is told, of what the configuration says.

use std::path::PathBuf;
use std::sync::Arc;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

use super::keys::{Config, EstuarySettings};
use super::{ConfigError, default_data_dir};
use crate::compute::{ComputeConfig, HeldLimits, Maxima, OfferLimits};
use crate::exchange::Fetched;
use crate::job::{BeaconChain, Distinct, DrawMode, Resources};
use crate::node::NodeConfig;
use crate::publisher::PinningService;
use crate::requester::RequesterConfig;
use bacalhau_values::Secret;

impl Config {
    /// Where the node keeps everything.
    ///
    /// # Errors
    /// When none is named and no home is known.
    pub fn data_dir(&self) -> Result<PathBuf, ConfigError> {
        self.node.data_dir.clone().or_else(default_data_dir).ok_or_else(|| {
            ConfigError::Together("no home directory is known: say where data is kept with node.data_dir".into())
        })
    }

    /// The bounds of the requester.
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
            client_bytes: requester.client_jobs_size.0,
            operators: Arc::new(requester.operators.iter().map(|it| (it.peer, it.name.clone())).collect()),
        })
    }

    /// Whether nodes need not be told apart by their addresses, nor drawn by what nobody can steer: in a closed cluster they are
    /// known by name, and on loopback they are those of one machine.
    fn is_closed(&self) -> bool {
        let loopback = |addr: &Multiaddr| match addr.iter().next() {
            Some(Protocol::Ip4(ip)) => ip.is_loopback(),
            Some(Protocol::Ip6(ip)) => ip.is_loopback(),
            _ => false,
        };
        !self.swarm.allow_peers.is_empty() || self.swarm.listen.iter().all(loopback)
    }

    /// The bounds of the provider on a machine that has `machine` to give.
    ///
    /// # Errors
    /// When more is promised than there is.
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

    /// The largest numbers of a job that the provider takes.
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

    /// The token for servers, if there is one.
    ///
    /// # Errors
    /// When the file that has it cannot be read.
    pub fn api_token(&self) -> Result<Option<Secret>, ConfigError> {
        match (&self.client.api_token, &self.client.api_token_file) {
            (Some(token), _) => Ok(Some(token.clone())),
            (None, Some(file)) => Secret::from_file(file)
                .map(Some)
                .map_err(|failure| ConfigError::Together(format!("client.api_token_file: {failure}"))),
            (None, None) => Ok(None),
        }
    }

    /// Who pins what the publisher `estuary` publishes, if anybody does.
    ///
    /// # Errors
    /// When the file with its token cannot be read.
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
        let part = |key: &str, wanted: Option<u64>, there: u64, unit: &str| match wanted {
            Some(wanted) if wanted > there => Err(ConfigError::Together(format!(
                "compute.{key} is {wanted} {unit}, and this machine has {there}: give at most that"
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

    /// Where data comes from. `fetched` hears of all bytes that were fetched as blocks.
    ///
    /// # Errors
    /// When no data directory is known.
    pub fn node_config(&self, fetched: Fetched) -> Result<NodeConfig, ConfigError> {
        let storage = &self.storage;
        Ok(NodeConfig {
            data_dir: self.data_dir()?,
            store_bytes: storage.store_size.0,
            connect: storage.peers()?,
            unsealed: storage.filecoin_unsealed_path.clone().map(|template| (template, storage.unsealed_verify)),
            cid_url: storage.cid_url.clone(),
            fetch: storage.fetch,
            patience: storage.patience.0,
            dials: true,
            fetched,
        })
    }
}
