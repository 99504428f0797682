//! `bacalhau ipfs serve`: serves the block store and published results until interrupted.

use std::net::SocketAddr;
use std::path::Path;

use bacalhau_runtime::HostFailure;
use clap::Args;
use libp2p::Multiaddr;
use serde::Serialize;

use super::super::content::Content;
use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format, Lines, Paint, Render};
use super::super::progress_output::Ui;
use super::super::publish;
use super::super::{interrupt, text};
use bacalhau_http::FileServer;
use bacalhau_service::serving::{Addresses, Serving};

const EXAMPLES: &str = "Examples:
  bacalhau ipfs serve --listen /ip4/127.0.0.1/tcp/4101
      on another machine: bacalhau ipfs get CID --ipfs-connect /ip4/127.0.0.1/tcp/4101/p2p/ID
  bacalhau ipfs serve --http 127.0.0.1:8080
      results of --publisher local are at http://127.0.0.1:8080/";

/// Serve the block store over Bitswap, and published results over HTTP, until interrupted
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Serve {
    /// Listen address for peers; port 0 selects a free port. May be given several times
    #[arg(long, value_name = "MULTIADDR", default_value = "/ip4/0.0.0.0/tcp/1235")]
    listen: Vec<Multiaddr>,

    /// Listen address for published results over HTTP; port 0 selects a free port [default: disabled]
    #[arg(long, value_name = "HOST:PORT")]
    http: Option<SocketAddr>,

    /// Output format of the addresses
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    content: Content,
}

/// Addresses of the server.
#[derive(Debug, Serialize)]
struct Listening {
    peer_id: String,
    /// Multiaddrs for `--ipfs-connect`.
    peers: Vec<String>,
    http: Option<String>,
}

impl Serve {
    /// Serves.
    ///
    /// # Errors
    /// When it cannot listen, or another process serves the same store.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let data_dir = self.content.place.path()?;
        let mut serving = Serving::begin(&data_dir)?;
        let ui = Ui::new(false);
        let node = self.content.serving_node(&ui, &self.listen)?;
        let files = self.http.map(|address| serve_files(address, &publish::dir_in(&data_dir))).transpose()?;
        let http = files.as_ref().map(|files| format!("http://{}", files.local_addr()));
        let peers: Vec<String> = node.listen_addrs().iter().map(ToString::to_string).collect();
        let peer_id = peers.iter().find_map(|peer| Some(peer.rsplit_once("/p2p/")?.1.to_owned())).unwrap_or_default();
        serving.announce(&Addresses { peers: peers.clone(), http: http.clone(), api: None })?;
        let stop = interrupt::awaited();
        output::print(self.output, &Listening { peer_id, peers, http })?;
        // An error means that no signal can arrive any more.
        let _ = stop.recv();
        if let Some(bitswap) = node.bitswap() {
            let sent: u64 = bitswap.stats().iter().map(|(_, stats)| stats.bytes_sent).sum();
            ui.say(format!("served {} to peers", text::bytes(sent)));
        }
        Ok(Exit::Success)
    }
}

fn serve_files(address: SocketAddr, dir: &Path) -> Result<FileServer, HostFailure> {
    std::fs::create_dir_all(dir).map_err(|error| HostFailure::at("create the directory", dir, error))?;
    FileServer::start(address, dir).map_err(|error| HostFailure::io(format!("listen on {address}"), error))
}

impl Render for Listening {
    fn table(&self, _paint: Paint) -> String {
        let mut lines = Lines::default();
        for peer in &self.peers {
            lines.add("peer", peer);
        }
        if let Some(http) = &self.http {
            lines.add("http", http);
        }
        lines.into_text()
    }
}
