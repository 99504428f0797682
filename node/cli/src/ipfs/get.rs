//! `bacalhau ipfs get`: writes a DAG, or a part of it, as files.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::super::content::Content;
use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format, Lines, Paint, Render};
use super::super::progress_output::Ui;
use super::super::text;
use bacalhau_cas::{
    BlockSource, CidPath,
    unixfs::{DagTree, Links, Unpack},
};

const EXAMPLES: &str = "Examples:
  bacalhau ipfs get bafybei…/report.csv
  bacalhau ipfs get ipfs://bafybei… -o ./photos --ipfs-connect /ip4/…/tcp/…/p2p/ID";

/// Write a file or directory by its CID
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Get {
    /// CID or CID/path, optionally with `ipfs://`
    place: CidPath,

    /// Output path; must not exist [default: the last name of the path, or the CID]
    #[arg(short = 'o', long, value_name = "PATH")]
    output_path: Option<PathBuf>,

    /// Skip symbolic links that point outside of the tree, instead of failing
    #[arg(long)]
    skip_links: bool,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    content: Content,
}

/// The output of the command.
#[derive(Debug, Serialize)]
struct Got {
    cid: String,
    path: PathBuf,
    /// Total size of all files in bytes.
    bytes: u64,
    /// Number of files, directories and links.
    entries: u64,
    skipped: Vec<String>,
}

impl Get {
    /// Fetches and writes.
    ///
    /// # Errors
    /// When data cannot be fetched, is invalid, or cannot be written; nothing is written then.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let ui = Ui::new(false);
        let node = self.content.node(&ui)?;
        let blocks: Arc<dyn BlockSource> = Arc::clone(node.exchange()) as _;
        let tree = DagTree::open(blocks, &self.place.cid, &self.place.path)?;
        node.exchange().fetch_dag(tree.cid());
        let name = || self.place.name().map_or_else(|| self.place.cid.to_string(), str::to_owned);
        let target = self.output_path.clone().unwrap_or_else(|| name().into());
        let links = if self.skip_links { Links::Skip } else { Links::Refuse };
        let progress = ui.progress();
        let total = tree.size();
        let unpack = Unpack { links, ..Unpack::default() };
        let unpacked = unpack.publish(&tree, &target, &mut |bytes| progress(bytes, total))?;
        ui.done();
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
