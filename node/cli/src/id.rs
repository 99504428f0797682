//! `bacalhau id`: the identity of the client and of its server.

use clap::Args;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::{self, Format, Lines, Paint, Render};
use super::progress_output::Ui;
use super::server::Server;
use bacalhau_job::MinerClaim;
use bacalhau_publisher::filecoin::Address;
use bacalhau_values::hex::Hex;

const EXAMPLES: &str = "Examples:
  bacalhau id
  bacalhau id --api-host node7 --output json
  bacalhau id --miner f01234";

/// Show the peer ID of this client, and of its server if one runs
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Id {
    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    /// Print, in hexadecimal, the message that the worker key of this storage provider signs to confirm that the
    /// server's node belongs to it. `lotus wallet sign WORKER HEX` makes the value of `filecoin.miner_signature`
    #[arg(long, value_name = "f0…")]
    miner: Option<Address>,

    #[command(flatten)]
    server: Server,
}

/// The identities.
#[derive(Debug, Serialize)]
struct Ids {
    /// Peer ID of the key that signs jobs.
    client: String,
    /// Peer ID of the server's node; absent without a server.
    node: Option<String>,
    server: Option<String>,
    /// The message for the worker key of a storage provider, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    to_sign: Option<String>,
}

impl Id {
    /// Prints the identities.
    ///
    /// # Errors
    /// When the client's key cannot be read, or the named server does not answer.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let client = self.server.identity()?.peer_id().to_string();
        let api = self.server.client(&Ui::new(false))?;
        let node = match api.node() {
            Ok(node) => Some(node.peer),
            Err(_) if self.server.named()?.is_none() => None,
            Err(error) => return Err(error.into()),
        };
        let server = node.as_ref().map(|_| api.base().to_owned());
        let to_sign = match (&self.miner, &node) {
            (None, _) => None,
            (Some(miner), Some(node)) => {
                let miner = miner.id().ok_or_else(|| {
                    Failure::usage(
                        "--miner needs the address of a storage provider: \
                    f0 and a number",
                    )
                })?;
                Some(Hex(&MinerClaim { miner, signature: None }.message(node)).to_string())
            }
            (Some(_), None) => return Err(Failure::usage("--miner needs a server: name one with --api-host")),
        };
        let node = node.map(|node| node.to_string());
        output::print(self.output, &Ids { client, node, server, to_sign })?;
        Ok(Exit::Success)
    }
}

impl Render for Ids {
    fn table(&self, _paint: Paint) -> String {
        let mut lines = Lines::default();
        lines.add("client", &self.client);
        match (&self.node, &self.server) {
            (Some(node), Some(server)) => lines.add("node", format!("{node}  at {server}")),
            _ => lines.add("node", "(no server answers on this machine; name another with --api-host)"),
        }
        if let Some(to_sign) = &self.to_sign {
            lines.add("to sign", to_sign);
        }
        lines.into_text()
    }
}
