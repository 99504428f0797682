//! `bacalhau ipfs add`: imports files and directories into the block store, with the same CIDs as kubo.

use std::path::PathBuf;
use std::sync::Arc;

use bacalhau_runtime::{HostFailure, HostTree, Tree};
use clap::Args;
use serde::Serialize;

use super::super::content::DataDir;
use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format, Lines, Paint, Render};
use super::super::progress_output::Ui;
use super::super::text;
use bacalhau_cas::{
    Block, DataError,
    store::Writer,
    unixfs::import::{Imported, Profile, Sink, import},
};
use bacalhau_storage::Progress;

const EXAMPLES: &str = "Examples:
  bacalhau ipfs add ./photos
  bacalhau ipfs add -Q data.csv
      only the CID
  bacalhau ipfs add --import-profile unixfs-v1-2025 ./photos
  bacalhau ipfs add --only-hash big.iso
      prints the CID; stores nothing";

/// Import a file or directory into the block store and pin it
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Add {
    /// File or directory. Symbolic links in it are kept as links
    path: PathBuf,

    /// Import profile, which determines the CID: `kubo-cidv1` (as `ipfs add --cid-version=1`), `unixfs-v1-2025`, or
    /// `unixfs-v0-2015` (as `ipfs add`)
    #[arg(long, value_name = "PROFILE", default_value_t)]
    import_profile: Profile,

    /// Compute the CID only; store nothing
    #[arg(long)]
    only_hash: bool,

    /// Do not pin; the blocks may be evicted when the store is full
    #[arg(long)]
    no_pin: bool,

    /// Print only the CID
    #[arg(short = 'Q', long)]
    quieter: bool,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    place: DataDir,
}

/// The output of the command.
#[derive(Debug, Serialize)]
struct Added {
    cid: String,
    import_profile: String,
    /// Total size of all files in bytes.
    bytes: u64,
    blocks: u64,
    pinned: bool,
    path: PathBuf,
}

impl Add {
    /// Imports, stores and pins.
    ///
    /// # Errors
    /// When a file cannot be read or a block cannot be stored.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let ui = Ui::new(self.quieter);
        if !self.path.exists() {
            return Err(Failure::usage(format!("{} does not exist", self.path.display())));
        }
        let tree = HostTree::open(&self.path).map_err(|error| HostFailure::at("open", &self.path, error))?;
        let imported = if self.only_hash { self.hash(&tree, &ui)? } else { self.store(&tree, &ui)? };
        ui.done();
        let added = Added {
            cid: imported.cid.to_string(),
            import_profile: self.import_profile.to_string(),
            bytes: imported.bytes,
            blocks: imported.blocks,
            pinned: !self.no_pin && !self.only_hash,
            path: self.path.clone(),
        };
        if self.quieter {
            output::line(&added.cid)?;
        } else {
            output::print(self.output, &added)?;
        }
        Ok(Exit::Success)
    }

    fn hash(&self, tree: &dyn Tree, ui: &Arc<Ui>) -> Result<Imported, Failure> {
        let mut sink = Stored { writer: None, progress: ui.progress() };
        Ok(import(tree, self.import_profile, &mut sink)?)
    }

    fn store(&self, tree: &dyn Tree, ui: &Arc<Ui>) -> Result<Imported, Failure> {
        let store = self.place.store()?;
        let mut sink = Stored { writer: Some(store.writer()), progress: ui.progress() };
        let imported = import(tree, self.import_profile, &mut sink)?;
        // Taken first, because finished blocks without a lease or pin may be evicted.
        let hold = store.hold(&imported.cid)?;
        if let Some(writer) = sink.writer.take() {
            writer.finish()?;
        }
        if !self.no_pin {
            let name = self.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            store.pin_for_good(&imported.cid, &name)?;
        }
        drop(hold);
        Ok(imported)
    }
}

/// Sink for imported blocks: the store, or none.
struct Stored {
    writer: Option<Writer>,
    progress: Progress,
}

impl Sink for Stored {
    fn put(&mut self, block: Block) -> Result<(), DataError> {
        self.writer.as_ref().map_or(Ok(()), |writer| writer.write(&block))
    }

    fn progress(&mut self, bytes: u64) {
        (self.progress)(bytes, None);
    }
}

impl Render for Added {
    fn table(&self, paint: Paint) -> String {
        let mut lines = Lines::default();
        lines.add("cid", paint.green(&self.cid));
        let blocks = text::count(usize::try_from(self.blocks).unwrap_or(usize::MAX), "block");
        lines.add("size", format!("{} in {blocks} ({})", text::bytes(self.bytes), self.import_profile));
        if self.pinned {
            lines.add("next", format!("bacalhau wasm run MODULE -i ipfs://{}:/inputs", self.cid));
        }
        lines.into_text()
    }
}
