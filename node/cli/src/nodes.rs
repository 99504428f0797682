//! `bacalhau node list`: the nodes that a server knows.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::columns::Columns;
use super::exit::{Exit, Failure};
use super::output::{self, Format, Paint, Render};
use super::progress_output::Ui;
use super::server::Server;
use super::text;
use bacalhau_api::NodeFacts;
use bacalhau_job::Resources;
use bacalhau_service::config::Cpu;

const EXAMPLES: &str = "Examples:
  bacalhau node list
  bacalhau node list --api-host node7 --output json";

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Nodes {
    List(ListNodes),
}

/// List the nodes known to a server, the server itself first
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ListNodes {
    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    server: Server,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Known {
    nodes: Vec<NodeFacts>,
}

impl Nodes {
    /// Prints the list.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let Self::List(list) = self;
        let nodes = list.server.client(&Ui::new(false))?.nodes()?;
        output::print(list.output, &Known { nodes })?;
        Ok(Exit::Success)
    }
}

impl Render for Known {
    fn table(&self, _paint: Paint) -> String {
        let mut columns = Columns::default();
        columns.add(["NODE", "CONNECTED", "VERSION", "FREE CPU", "MEMORY", "DISK", "ADDRESS"].map(str::to_owned));
        for node in &self.nodes {
            let [cpu, memory, disk] = free(node);
            columns.add([
                node.peer.to_string(),
                if node.connected { "yes" } else { "no" }.into(),
                node.versions.as_ref().map(|versions| text::harmless(&versions.semver)).unwrap_or_default(),
                cpu,
                memory,
                disk,
                node.addrs.first().map(|addr| text::harmless(addr)).unwrap_or_default(),
            ]);
        }
        columns.into_text()
    }
}

/// Free and total resources; known only for the server itself.
fn free(node: &NodeFacts) -> [String; 3] {
    let (Some(free), Some(total)) = (node.free, node.total) else { return Default::default() };
    let of = |part: fn(&Resources) -> u64, shown: fn(u64) -> String| {
        format!("{} of {}", shown(part(&free)), shown(part(&total)))
    };
    [
        of(|resources| resources.cpu_millis, |millis| Cpu(millis).to_string()),
        of(|resources| resources.memory_bytes, text::bytes),
        of(|resources| resources.disk_bytes, text::bytes),
    ]
}
