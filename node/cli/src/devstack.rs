//! `bacalhau devstack`: several nodes in one process, for experiments. Each has its own key, store and API on loopback.
//! All data is deleted at exit, unless a data directory is named; then the same nodes return at the next start.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use bacalhau_runtime::HostFailure;
use clap::Args;
use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::{self, Format, Lines, Paint, Render};
use super::serve::{self, Reached, Running};
use super::settings::{Files, Settings};
use super::{daemon, interrupt, log};
use bacalhau_files::{
    private,
    temporary::{self, TempDir},
};
use bacalhau_service::config::Config;

const EXAMPLES: &str = "Examples:
  bacalhau devstack --nodes 5
      then, with the printed port: bacalhau list --api-host http://127.0.0.1:PORT
  bacalhau devstack --nodes 3 --job-selection-data-locality anywhere --api-port 1234
  bacalhau devstack --nodes 5 --bad-actors 1
      the last node reports wrong results
  bacalhau devstack --data-dir ./stack
      nodes and jobs are kept in ./stack/devstack for the next start

SIGTERM or Ctrl-C: the nodes accept no more work, wait for running executions (--drain-time), and exit. A second signal
stops them at once with exit code 130.";

/// Run a network of several nodes in this process, for experiments
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Devstack {
    /// Number of nodes
    #[arg(short, long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    nodes: u16,

    /// Number of nodes, the last ones, that report the same wrong results
    #[arg(long, value_name = "N", default_value_t = 0)]
    bad_actors: u16,

    /// Port of the first node's API; 0 selects a free port
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    api_port: u16,

    /// Output format of the addresses
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    files: Files,

    #[command(flatten)]
    settings: Settings,
}

/// Addresses of the nodes.
#[derive(Debug, Serialize)]
struct Stack {
    /// API URL of the first node.
    api: String,
    /// All nodes in order.
    nodes: Vec<Reached>,
}

impl Devstack {
    /// Runs the nodes.
    ///
    /// # Errors
    /// When one cannot be started.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        if self.bad_actors > self.nodes {
            return Err(Failure::usage(format!(
                "--bad-actors is larger than --nodes: there are {} nodes, and {} bad ones",
                self.nodes, self.bad_actors
            )));
        }
        let mut layers = self.files.layers()?;
        self.settings.lay_over(&mut layers)?;
        let common = layers.config()?;
        private::by_default();
        log::begin(&common.log);
        let dir = match common.node.data_dir {
            Some(_) => None,
            None => Some(
                temporary::dir_in(&std::env::temp_dir())
                    .map_err(|error| HostFailure::io("create a directory for the nodes", error))?,
            ),
        };
        let stop = interrupt::awaited();
        let mut nodes: Vec<Running> = Vec::new();
        for number in 0..self.nodes {
            let known = nodes.iter().flat_map(|node| node.reached.peers.iter().cloned()).collect();
            let config = of_node(&common, dir.as_ref().map(TempDir::path), number, self.api_port, known);
            nodes.push(daemon::start_among_others(&config, number >= self.nodes - self.bad_actors)?);
        }
        let reached: Vec<Reached> = nodes.iter().map(|node| node.reached.clone()).collect();
        let api = reached.first().map(|node| node.api.clone()).unwrap_or_default();
        output::print(self.output, &Stack { api, nodes: reached })?;
        serve::wait(nodes, &stop)
    }
}

/// The configuration of node `number`: `common`, but on loopback with its own data directory.
fn of_node(common: &Config, dir: Option<&Path>, number: u16, api_port: u16, known: Vec<String>) -> Config {
    let mut config = common.clone();
    let kept = common.node.data_dir.as_ref().map(|dir| dir.join("devstack"));
    let dir = dir.map(Path::to_path_buf).or(kept).unwrap_or_default();
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    config.node.data_dir = Some(dir.join(number.to_string()));
    config.api.listen = SocketAddr::new(loopback, if number == 0 { api_port } else { 0 });
    config.swarm.listen = vec![Multiaddr::empty().with(Protocol::from(loopback)).with(Protocol::Tcp(0))];
    config.swarm.peers.extend(known);
    config.swarm.mdns = false;
    config
}

impl Render for Stack {
    fn table(&self, _paint: Paint) -> String {
        let mut lines = Lines::default();
        lines.add("api", &self.api);
        for node in &self.nodes {
            for peer in &node.peers {
                lines.add("peer", format!("{peer}  {}", node.api));
            }
        }
        lines.into_text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bacalhau_service::config::Layers;

    #[test]
    fn nodes_share_nothing_but_what_they_are_told() {
        let mut common = Layers::default().config().unwrap();
        common.compute.reject_stateless = true;
        let dir = Path::new("/tmp/stack");
        let nodes = [0, 1].map(|number| of_node(&common, Some(dir), number, 1234, vec!["peer".into()]));
        assert_eq!(
            [nodes[0].api.listen.to_string(), nodes[1].api.listen.to_string()],
            ["127.0.0.1:1234", "127.0.0.1:0"]
        );
        assert_ne!(nodes[0].node.data_dir, nodes[1].node.data_dir);
        for node in nodes {
            assert!(node.api.listen.ip().is_loopback() && node.compute.reject_stateless);
            assert_eq!(node.swarm.listen[0].to_string(), "/ip4/127.0.0.1/tcp/0");
            assert_eq!(node.swarm.peers, ["peer"]);
        }
        common.node.data_dir = Some("/kept".into());
        assert_eq!(of_node(&common, None, 1, 0, Vec::new()).node.data_dir, Some("/kept/devstack/1".into()));
    }
}
