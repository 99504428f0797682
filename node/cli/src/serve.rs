//! `bacalhau serve`: a node of the network. The first signal drains it: it accepts no more work, waits for running
//! executions, and exits. The second stops it at once.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::thread;

use clap::Args;
use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::{self, Format, Lines, Paint, Render};
use super::settings::{Files, Settings};
use super::{daemon, init, interrupt, log, notify, text};
use bacalhau_files::private;
use bacalhau_service::{
    config::Config,
    serving::{Addresses, Serving},
};

const EXAMPLES: &str = "Examples:
  bacalhau serve --filecoin-unsealed-path '/var/lib/data/{{.Cid}}' --peer /ip4/…/tcp/1235/p2p/ID
      bids on jobs whose data it has, and accepts jobs at http://127.0.0.1:1234
  bacalhau serve --config site.toml --config host.toml
      all settings can be in files: see bacalhau config default
  bacalhau serve --init
      asks five questions, writes a configuration file and checks it; bacalhau doctor repeats the checks
  bacalhau serve --compute=false --host 0.0.0.0
      accepts jobs from every address and runs none

SIGTERM or Ctrl-C: the node accepts no more work, waits for running executions (--drain-time), and exits; /readyz answers
503 meanwhile. Interrupted executions restart with the node. A second signal stops it at once with exit code 130.";

/// Run a node of the network: accept jobs of clients, and run jobs next to data
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Serve {
    #[command(flatten)]
    files: Files,

    /// Write a configuration file for this machine with the values of the other flags, check it, and exit. On a
    /// terminal, five values without a flag are asked for. FILE must not exist [default: `bacalhau/config.toml` in
    /// `$XDG_CONFIG_HOME` or in ~/.config]
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "absent, without a file, and with one")]
    init: Option<Option<PathBuf>>,

    #[command(flatten)]
    listen: ListenArgs,

    /// Output format of the addresses
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    settings: Settings,
}

/// Parts of addresses that override those of the configuration.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Addresses")]
pub(super) struct ListenArgs {
    /// Listen address of the API and of the peer-to-peer network [default: 127.0.0.1 and all addresses]
    #[arg(long, value_name = "ADDRESS")]
    host: Option<IpAddr>,

    /// Port of the API; 0 selects a free port [default: 1234]
    #[arg(long, value_name = "PORT")]
    api_port: Option<u16>,

    /// Port of the peer-to-peer network, TCP and UDP; 0 selects a free port [default: 1235]
    #[arg(long, value_name = "PORT")]
    swarm_port: Option<u16>,
}

/// A running node and its shutdown.
pub(super) struct Running {
    /// Addresses of the node.
    pub(super) reached: Reached,
    /// Drains the node and returns its exit code.
    pub(super) drain: Box<dyn FnOnce() -> Result<Exit, Failure> + Send>,
}

/// Addresses of a node.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Reached {
    /// The peer ID.
    pub(super) peer_id: String,
    /// Multiaddrs for `--peer`.
    pub(super) peers: Vec<String>,
    /// URL of the API.
    pub(super) api: String,
}

impl Serve {
    /// Serves.
    ///
    /// # Errors
    /// When the configuration is inconsistent, the node cannot be started, or another process uses its data directory.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        if let Some(file) = &self.init {
            return init::run(file.as_deref(), self.settings.clone(), &self.listen);
        }
        let config = self.config()?;
        private::by_default();
        log::begin(&config.log);
        let mut serving = Serving::begin(&config.data_dir()?)?;
        let stop = interrupt::awaited();
        let running = daemon::start(&config)?;
        let reached = &running.reached;
        serving.announce(&Addresses { peers: reached.peers.clone(), http: None, api: Some(reached.api.clone()) })?;
        output::print(self.output, reached)?;
        notify::notify(notify::READY);
        wait(vec![running], &stop)
    }

    fn config(&self) -> Result<Config, Failure> {
        let mut layers = self.files.layers()?;
        self.settings.lay_over(&mut layers)?;
        let mut config = layers.config()?;
        self.listen.lay_over(&mut config);
        Ok(config)
    }
}

/// Waits for a stop signal, then drains all `nodes` at once. A second signal ends the process: see
/// [`interrupt::awaited`].
pub(super) fn wait(nodes: Vec<Running>, stop: &Receiver<()>) -> Result<Exit, Failure> {
    // An error means that no signal can arrive any more.
    let _ = stop.recv();
    tracing::info!("stopping: waiting for running executions; a second signal ends the process at once");
    notify::notify(notify::STOPPING);
    let draining: Vec<_> = nodes.into_iter().map(|node| thread::spawn(node.drain)).collect();
    let mut exit = Ok(Exit::Success);
    for node in draining {
        let ended = node.join().unwrap_or(Ok(Exit::Internal));
        if matches!(exit, Ok(Exit::Success)) {
            exit = ended;
        }
    }
    exit
}

impl ListenArgs {
    /// Whether one is given.
    pub(super) fn is_given(&self) -> bool {
        self.host.is_some() || self.api_port.is_some() || self.swarm_port.is_some()
    }

    fn lay_over(&self, config: &mut Config) {
        if let Some(host) = self.host {
            config.api.listen.set_ip(host);
        }
        if let Some(port) = self.api_port {
            config.api.listen.set_port(port);
        }
        for addr in &mut config.swarm.listen {
            *addr = placed(addr, self.host, self.swarm_port);
        }
    }
}

/// `addr` with another address and port.
fn placed(addr: &Multiaddr, host: Option<IpAddr>, port: Option<u16>) -> Multiaddr {
    addr.iter()
        .map(|part| match (part, host, port) {
            (Protocol::Ip4(_) | Protocol::Ip6(_), Some(host), _) => Protocol::from(host),
            (Protocol::Tcp(_), _, Some(port)) => Protocol::Tcp(port),
            (Protocol::Udp(_), _, Some(port)) => Protocol::Udp(port),
            (part, ..) => part,
        })
        .collect()
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("reached", &self.reached).finish_non_exhaustive()
    }
}

impl Render for Reached {
    fn table(&self, _paint: Paint) -> String {
        let mut lines = Lines::default();
        lines.add("api", text::harmless(&self.api));
        for peer in &self.peers {
            lines.add("peer", peer);
        }
        lines.into_text()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use bacalhau_service::config::Layers;

    fn running(drain: impl FnOnce() -> Result<Exit, Failure> + Send + 'static) -> Running {
        let reached = Reached { peer_id: String::new(), peers: Vec::new(), api: String::new() };
        Running { reached, drain: Box::new(drain) }
    }

    #[test]
    fn host_and_ports_stand_instead_of_those_of_the_configuration() {
        let mut config = Layers::default().config().unwrap();
        let listen = ListenArgs { host: Some([127, 0, 0, 1].into()), api_port: Some(0), swarm_port: Some(7) };
        listen.lay_over(&mut config);
        assert_eq!(config.api.listen.to_string(), "127.0.0.1:0");
        let swarm: Vec<String> = config.swarm.listen.iter().map(ToString::to_string).collect();
        assert_eq!(swarm, ["/ip4/127.0.0.1/tcp/7", "/ip4/127.0.0.1/udp/7/quic-v1"]);
        ListenArgs { host: Some("::1".parse().unwrap()), ..ListenArgs::default() }.lay_over(&mut config);
        assert_eq!(config.api.listen.to_string(), "[::1]:0");
        assert_eq!(config.swarm.listen[0].to_string(), "/ip6/::1/tcp/7");
        ListenArgs::default().lay_over(&mut config);
        assert_eq!(config.api.listen.to_string(), "[::1]:0");
    }

    #[test]
    fn nodes_drain_at_once_and_one_that_does_not_is_told_of() {
        let (sender, stop) = mpsc::channel();
        sender.send(()).unwrap();
        // Each waits for the other one.
        let (one, other) = (mpsc::channel(), mpsc::channel());
        let meet = |say: mpsc::Sender<()>, hear: Receiver<()>| {
            running(move || {
                say.send(()).unwrap();
                hear.recv_timeout(std::time::Duration::from_mins(1)).unwrap();
                Ok(Exit::Success)
            })
        };
        let nodes = vec![meet(one.0, other.1), meet(other.0, one.1)];
        assert_eq!(wait(nodes, &stop).unwrap(), Exit::Success);
        sender.send(()).unwrap();
        let failing = running(|| Err(Failure::new(Exit::Host, "the disk is full")));
        assert_eq!(wait(vec![failing, running(|| Ok(Exit::Success))], &stop).unwrap_err().exit, Exit::Host);
    }
}
