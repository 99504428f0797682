//! `bacalhau ipfs ls`: what is in a directory of a DAG. Fetches what that needs, and no content.

use std::sync::Arc;

use bacalhau_runtime::{HostFailure, Kind, Tree};
use clap::Args;
use serde::Serialize;

use super::super::content::Content;
use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format, Paint, Render};
use super::super::talk::Talk;
use super::super::text;
use crate::cas::unixfs::DagTree;
use crate::cas::{Blocks, CidPath};

const EXAMPLES: &str = "\
Examples:
  bacalhau ipfs ls bafybei…
  bacalhau ipfs ls bafybei…/photos --output json";

/// List the directory that a CID names
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Ls {
    /// CID or CID/path, with `ipfs://` before it or not
    place: CidPath,

    /// How the answer is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    content: Content,
}

/// The answer: a directory's entries, or the one file.
#[derive(Debug, Serialize)]
struct Listing {
    cid: String,
    entries: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    kind: &'static str,
    /// Bytes of a file, of a link's target; absent for a directory.
    bytes: Option<u64>,
    cid: String,
}

impl Ls {
    /// Lists.
    ///
    /// # Errors
    /// When the directory is not to be had.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let talk = Talk::new(false);
        let node = self.content.node(&talk)?;
        let blocks: Arc<dyn Blocks> = Arc::clone(node.exchange()) as _;
        let tree = DagTree::open(blocks, &self.place.cid, &self.place.path)?;
        let failed = |error| HostFailure::io(format!("list {}", self.place), error);
        let names = match tree.stat("").map_err(failed)?.kind {
            Kind::Dir => tree.list("").map_err(failed)?.into_iter().map(|entry| entry.name).collect(),
            _ => vec![String::new()],
        };
        let mut entries = names.into_iter().map(|name| self.entry(&tree, name)).collect::<Result<Vec<_>, Failure>>()?;
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        talk.done();
        node.exchange().settle()?;
        output::print(self.output, &Listing { cid: tree.cid().to_string(), entries })?;
        Ok(Exit::Success)
    }

    fn entry(&self, tree: &DagTree, name: String) -> Result<Entry, Failure> {
        let stat = tree.stat(&name).map_err(|error| HostFailure::io(format!("look at {name}"), error))?;
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
            // A CID by itself has no name.
            line.trim_end().to_owned() + "\n"
        };
        self.entries.iter().map(line).collect()
    }
}
