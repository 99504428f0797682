//! Several real nodes in one process, used by `wasm run` without a server. Each has its own key, job store and loopback
//! port, and they use the whole protocol; they share threads, compiled modules and open inputs. A single node has no
//! peers and opens no port.

use std::sync::Arc;
use std::time::Duration;

use bacalhau_tree::{HostFailure, Link};
use libp2p::{Multiaddr, PeerId};

use bacalhau_compute::ComputeConfig;
use bacalhau_daemon::{Daemon, Mailbox, Parts, Work};
use bacalhau_identity::Identity;
use bacalhau_metrics::Metrics;
use bacalhau_network::{Network, SingleNodeTransport, Transport};
use bacalhau_p2p::{Budgets, Host, HostConfig, JobsConfig, Threads};
use bacalhau_requester::RequesterConfig;
use bacalhau_store::JobStore;
use bacalhau_verify::AgeSeal;

/// How long nodes may take to find each other. On loopback it is some milliseconds, on a machine that is busy with other
/// things some seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long one try to connect may take: on a machine that is overloaded another try is sooner there than a lost one.
const DIAL: Duration = Duration::from_secs(3);

/// Configuration of the nodes.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// How many there are.
    pub nodes: u16,
    /// How the first takes jobs.
    pub requester: RequesterConfig,
    /// How each runs jobs.
    pub compute: ComputeConfig,
    /// The rules by which each can run programs.
    pub profiles: Vec<Link>,
}

/// The nodes. Dropping it ends them.
#[derive(Debug)]
pub struct Cluster {
    /// The first takes jobs. Before the hosts: a daemon ends while there is still a network.
    daemons: Vec<Daemon>,
    _hosts: Vec<Host>,
    _threads: Option<Threads>,
}

impl Cluster {
    /// Starts the nodes, and waits until all subscribe to the first. `work` returns the drivers of a node, given its
    /// number from 0, its identity, and all peer ids.
    ///
    /// # Errors
    /// When threads or ports are not available, or the nodes do not find each other.
    pub fn start(
        config: &ClusterConfig,
        work: impl Fn(usize, &Identity, &[PeerId]) -> Result<Arc<dyn Work>, HostFailure>,
    ) -> Result<Self, HostFailure> {
        Self::wired(config, &Budgets::default(), work, |_, _, network| network)
    }

    /// The same with peer `budgets`; `wire` may wrap a node's transport, except that of a single node.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    #[cfg(feature = "byzantine")]
    pub fn start_with(
        config: &ClusterConfig,
        budgets: &Budgets,
        work: impl Fn(usize, &Identity, &[PeerId]) -> Result<Arc<dyn Work>, HostFailure>,
        wire: impl Fn(usize, &Identity, Arc<Network>) -> Arc<dyn Transport>,
    ) -> Result<Self, HostFailure> {
        Self::wired(config, budgets, work, wire)
    }

    fn wired(
        config: &ClusterConfig,
        budgets: &Budgets,
        work: impl Fn(usize, &Identity, &[PeerId]) -> Result<Arc<dyn Work>, HostFailure>,
        wire: impl Fn(usize, &Identity, Arc<Network>) -> Arc<dyn Transport>,
    ) -> Result<Self, HostFailure> {
        let identities: Vec<Identity> = (0..config.nodes.max(1)).map(|_| Identity::ephemeral()).collect();
        let names: Vec<PeerId> = identities.iter().map(Identity::peer_id).collect();
        let threads = if identities.len() > 1 {
            Some(Threads::start(HostConfig::default().threads).map_err(failed)?)
        } else {
            None
        };
        let (mut daemons, mut hosts) = (Vec::new(), Vec::new());
        let mut first: Option<(Arc<Network>, Multiaddr)> = None;
        for (number, identity) in identities.into_iter().enumerate() {
            let mailbox = Mailbox::new();
            let transport: Arc<dyn Transport> = match &threads {
                None => Arc::new(SingleNodeTransport::new(identity.peer_id(), mailbox.listener())),
                Some(threads) => {
                    let bootstrap = first.iter().map(|(_, addr)| addr.clone()).collect();
                    let jobs =
                        JobsConfig { bootstrap, reachable: true, budgets: budgets.clone(), ..JobsConfig::default() };
                    let host = start_host(identity.clone(), threads, jobs)?;
                    let network = Arc::new(Network::start(&host, mailbox.listener()).map_err(failed)?);
                    if let (None, Some(addr)) = (&first, host.listen_addrs().first()) {
                        first = Some((network.clone(), addr.clone()));
                    }
                    hosts.push(host);
                    wire(number, &identity, network)
                }
            };
            daemons.push(Daemon::start(Parts {
                me: identity.peer_id(),
                store: Arc::new(JobStore::in_memory().map_err(failed)?),
                transport,
                mailbox,
                work: work(number, &identity, &names)?,
                profiles: config.profiles.clone(),
                seal: Arc::new(AgeSeal::new(identity.keypair()).map_err(failed)?),
                requester: (number == 0).then(|| config.requester.clone()),
                compute: Some(config.compute.clone()),
                metrics: Arc::new(Metrics::default()),
            })?);
        }
        if let Some((network, _)) = first
            && !network.wait_for_subscribers(names.len() - 1, PATIENCE)
        {
            return Err(HostFailure::new(format!(
                "the {} nodes of this process did not find each other on loopback within {} s",
                names.len(),
                PATIENCE.as_secs()
            )));
        }
        Ok(Self { daemons, _hosts: hosts, _threads: threads })
    }

    /// The node that takes jobs.
    pub fn requester(&self) -> &Daemon {
        &self.daemons[0]
    }

    /// All of them, the requester first.
    pub fn nodes(&self) -> &[Daemon] {
        &self.daemons
    }
}

fn start_host(identity: Identity, threads: &Threads, jobs: JobsConfig) -> Result<Host, HostFailure> {
    let loopback = "/ip4/127.0.0.1/tcp/0".parse().map_err(failed)?;
    let config = HostConfig {
        identity,
        listen: vec![loopback],
        dial_timeout: DIAL,
        shared: Some(threads.clone()),
        // All of them are at one.
        per_address: usize::MAX,
        jobs: Some(jobs),
        ..HostConfig::default()
    };
    Host::start(&config).map_err(failed)
}

fn failed(error: impl std::error::Error) -> HostFailure {
    HostFailure::new(error.to_string())
}
