//! `bacalhau ipfs get`: a DAG, or a part of it, as files.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::super::content::Content;
use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format, Lines, Paint, Render};
use super::super::talk::Talk;
use super::super::text;
use crate::cas::unixfs::{DagTree, Links, Unpack};
use crate::cas::{Blocks, CidPath};

const EXAMPLES: &str = "\
Examples:
  bacalhau ipfs get bafybei…/report.csv
  bacalhau ipfs get ipfs://bafybei… -o ./photos --ipfs-connect /ip4/…/tcp/…/p2p/ID";

/// Write the file or directory that a CID names
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Get {
    /// CID or CID/path, with `ipfs://` before it or not
    place: CidPath,

    /// Where it goes; nothing may be there yet [default: the last name of the path, or the CID]
    #[arg(short = 'o', long, value_name = "PATH")]
    output_path: Option<PathBuf>,

    /// Leave out symbolic links that lead out of the tree, instead of writing nothing
    #[arg(long)]
    skip_links: bool,

    /// How the answer is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    content: Content,
}

/// The answer.
#[derive(Debug, Serialize)]
struct Got {
    cid: String,
    path: PathBuf,
    /// Bytes of all files.
    bytes: u64,
    /// Files, directories and links.
    entries: u64,
    skipped: Vec<String>,
}

impl Get {
    /// Fetches and writes.
    ///
    /// # Errors
    /// When it is not to be had, is not what it should be, or cannot be written; nothing is written then.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let talk = Talk::new(false);
        let node = self.content.node(&talk)?;
        let blocks: Arc<dyn Blocks> = Arc::clone(node.exchange()) as _;
        let tree = DagTree::open(blocks, &self.place.cid, &self.place.path)?;
        node.exchange().fetch_dag(tree.cid());
        let name = || self.place.name().map_or_else(|| self.place.cid.to_string(), str::to_owned);
        let target = self.output_path.clone().unwrap_or_else(|| name().into());
        let links = if self.skip_links { Links::Skip } else { Links::Refuse };
        let progress = talk.progress();
        let total = tree.size();
        let unpack = Unpack { links, ..Unpack::default() };
        let unpacked = unpack.publish(&tree, &target, &mut |bytes| progress(bytes, total))?;
        talk.done();
        node.exchange().settle()?;
        let got = Got {
            cid: tree.cid().to_string(),
            path: target,
            bytes: unpacked.bytes,
            entries: unpacked.entries,
            skipped: unpacked.skipped,
        };
        output::print(self.output, &got)?;
        Ok(Exit::Success)
    }
}

impl Render for Got {
    fn table(&self, _paint: Paint) -> String {
        let mut lines = Lines::default();
        lines.add("cid", &self.cid);
        let things = text::count(usize::try_from(self.entries).unwrap_or(usize::MAX), "name");
        lines.add("written", format!("{}  ({things}, {})", self.path.display(), text::bytes(self.bytes)));
        for skipped in &self.skipped {
            lines.add("left out", text::harmless(skipped));
        }
        lines.into_text()
    }
}
