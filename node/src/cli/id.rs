//! `bacalhau id`: who the client is, and who its server.

use clap::Args;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::{self, Format, Lines, Paint, Render};
use super::server::Server;
use super::talk::Talk;
use crate::hex::Hex;
use crate::job::MinerClaim;
use crate::publisher::filecoin::Address;

const EXAMPLES: &str = "\
Examples:
  bacalhau id
  bacalhau id --api-host node7 --output json
  bacalhau id --miner f01234";

/// Show who you are to servers, and who the server is if there is one
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Id {
    /// How it is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    /// Print, in hexadecimal, what the worker key of this storage provider signs to say that the server's node is one of
    /// its own: `lotus wallet sign WORKER HEX` makes the value of `filecoin.miner_signature`
    #[arg(long, value_name = "f0…")]
    miner: Option<Address>,

    #[command(flatten)]
    server: Server,
}

/// Who is who.
#[derive(Debug, Serialize)]
struct Ids {
    /// Peer ID of the key that jobs are signed with.
    client: String,
    /// Peer ID of the server's node; absent where there is none.
    node: Option<String>,
    server: Option<String>,
    /// What the worker key of a storage provider is to sign, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    to_sign: Option<String>,
}

impl Id {
    /// Prints them.
    ///
    /// # Errors
    /// When the client's key cannot be read, or a server that was named cannot be asked.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let client = self.server.identity()?.peer_id().to_string();
        let api = self.server.client(&Talk::new(false))?;
        let node = match api.node() {
            Ok(node) => Some(node.peer),
            Err(_) if self.server.named()?.is_none() => None,
            Err(error) => return Err(error.into()),
        };
        let server = node.as_ref().map(|_| api.base().to_owned());
        let to_sign = match (&self.miner, &node) {
            (None, _) => None,
            (Some(miner), Some(node)) => {
                let miner = miner.id().ok_or_else(|| Failure::usage("--miner takes f0 and a number"))?;
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
            _ => lines.add("node", "(no server of this machine answers; name another with --api-host)"),
        }
        if let Some(to_sign) = &self.to_sign {
            lines.add("to sign", to_sign);
        }
        lines.into_text()
    }
}
