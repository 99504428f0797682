//! `bacalhau ipfs ls`: lists a directory of a DAG. Fetches directory blocks only.

use std::sync::Arc;

use bacalhau_runtime::{HostFailure, Kind, Tree};
use clap::Args;
use serde::Serialize;

use super::super::content::Content;
use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format, Paint, Render};
use super::super::progress_output::Ui;
use super::super::text;
use bacalhau_cas::{BlockSource, CidPath, unixfs::DagTree};

const EXAMPLES: &str = "Examples:
  bacalhau ipfs ls bafybei…
  bacalhau ipfs ls bafybei…/photos --output json";

/// List a directory by its CID
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Ls {
    /// CID or CID/path, optionally with `ipfs://`
    place: CidPath,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    content: Content,
}

/// The entries of a directory, or one file.
#[derive(Debug, Serialize)]
struct Listing {
    cid: String,
    entries: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    kind: &'static str,
    /// Size of a file or of a link's target in bytes; absent for a directory.
    bytes: Option<u64>,
    cid: String,
}

impl Ls {
    /// Lists.
    ///
    /// # Errors
    /// When the directory cannot be fetched.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let ui = Ui::new(false);
        let node = self.content.node(&ui)?;
        let blocks: Arc<dyn BlockSource> = Arc::clone(node.exchange()) as _;
        let tree = DagTree::open(blocks, &self.place.cid, &self.place.path)?;
        let failed = |error| HostFailure::io(format!("list {}", self.place), error);
        let names = match tree.stat("").map_err(failed)?.kind {
            Kind::Dir => tree.list("").map_err(failed)?.into_iter().map(|entry| entry.name).collect(),
            _ => vec![String::new()],
        };
        let mut entries = names.into_iter().map(|name| self.entry(&tree, name)).collect::<Result<Vec<_>, Failure>>()?;
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        ui.done();
        node.exchange().settle()?;
        output::print(self.output, &Listing { cid: tree.cid().to_string(), entries })?;
        Ok(Exit::Success)
    }

    fn entry(&self, tree: &DagTree, name: String) -> Result<Entry, Failure> {
        let stat = tree.stat(&name).map_err(|error| HostFailure::io(format!("read {name}"), error))?;
        let kind = match stat.kind {
            Kind::Dir => "dir",
            Kind::File => "file",
            Kind::Link => "link",
        };
        let cid = tree.cid_of(&name)?.to_string();
        let shown = if name.is_empty() { self.place.name().unwrap_or_default().to_owned() } else { name };
        Ok(Entry { name: shown, kind, bytes: (stat.kind != Kind::Dir).then_some(stat.size), cid })
    }
}

impl Render for Listing {
    fn table(&self, _paint: Paint) -> String {
        let size = |entry: &Entry| entry.bytes.map_or_else(|| "-".into(), text::thousands);
        let width = self.entries.iter().map(|entry| size(entry).len()).max().unwrap_or(0);
        let line = |entry: &Entry| {
            let slash = if entry.kind == "dir" { "/" } else { "" };
            let line = format!("{}  {:>width$}  {}{slash}", entry.cid, size(entry), text::harmless(&entry.name));
            // A CID alone has no name.
            line.trim_end().to_owned() + "\n"
        };
        self.entries.iter().map(line).collect()
    }
}
