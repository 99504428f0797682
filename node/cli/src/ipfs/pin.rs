//! `bacalhau ipfs pin`: DAGs that are kept in the store.

use std::sync::Arc;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::super::content::{Content, DataDir};
use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format, Paint, Render};
use super::super::progress_output::Ui;
use super::super::text;
use bacalhau_cas::{
    BlockSource, CidPath,
    unixfs::{Bounds, Scope, Walk},
};

/// The commands for pins.
#[derive(Debug, Subcommand)]
pub(crate) enum Pin {
    Add(AddPin),
    Rm(RemovePin),
    Ls(ListPins),
}

const ADD_EXAMPLES: &str = "Examples:
  bacalhau ipfs pin add --name photos bafybei…";

/// Fetch all blocks of a DAG and keep them. Also repairs a damaged pinned DAG
#[derive(Args, Debug)]
#[command(after_help = ADD_EXAMPLES)]
pub(crate) struct AddPin {
    /// CID or CID/path, optionally with `ipfs://`. With a path, the DAG at its end is pinned
    place: CidPath,

    /// Name of the pin in `pin ls` [default: its current name, or none]
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,

    #[command(flatten)]
    content: Content,
}

const REMOVE_EXAMPLES: &str = "Examples:
  bacalhau ipfs pin rm bafybei…";

/// Unpin a DAG; its blocks may be evicted when the store is full
#[derive(Args, Debug)]
#[command(after_help = REMOVE_EXAMPLES)]
pub(crate) struct RemovePin {
    /// CID or CID/path, optionally with `ipfs://`. With a path, the DAG at its end is unpinned; the blocks along the
    /// path must be in the store
    place: CidPath,

    #[command(flatten)]
    data_dir: DataDir,
}

const LIST_EXAMPLES: &str = "Examples:
  bacalhau ipfs pin ls --output json";

/// List the pins
#[derive(Args, Debug)]
#[command(after_help = LIST_EXAMPLES)]
pub(crate) struct ListPins {
    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    data_dir: DataDir,
}

/// The output of the command.
#[derive(Debug, Serialize)]
struct Pins {
    pins: Vec<Pinned>,
}

#[derive(Debug, Serialize)]
struct Pinned {
    cid: String,
    name: String,
}

impl Pin {
    /// Runs the command.
    ///
    /// # Errors
    /// When blocks cannot be fetched, or the pin does not exist.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        match self {
            Self::Add(verb) => verb.run(),
            Self::Rm(verb) => verb.run(),
            Self::Ls(verb) => verb.run(),
        }
    }
}

impl AddPin {
    fn run(&self) -> Result<Exit, Failure> {
        let ui = Ui::new(false);
        let node = self.content.node(&ui)?;
        let blocks: Arc<dyn BlockSource> = Arc::clone(node.exchange()) as _;
        let cid = super::resolve(Arc::clone(&blocks), &self.place)?;
        // The lease keeps blocks while they arrive; an earlier pin stays in any case.
        let hold = node.store().hold(&cid)?;
        node.exchange().fetch_dag(&cid);
        Walk::new(blocks, &cid, Scope::All, Bounds::default()).try_for_each(|block| block.map(drop))?;
        node.exchange().settle()?;
        match &self.name {
            Some(name) => node.store().pin(&cid, name)?,
            None => node.store().pin_for_good(&cid, "")?,
        }
        drop(hold);
        ui.say(format!("pinned {cid}"));
        Ok(Exit::Success)
    }
}

impl RemovePin {
    fn run(&self) -> Result<Exit, Failure> {
        let store = self.data_dir.store()?;
        let cid = super::resolve(Arc::clone(&store) as _, &self.place)?;
        if store.unpin(&cid)? {
            Ok(Exit::Success)
        } else {
            Err(Failure::usage(format!("{cid} is not pinned: see bacalhau ipfs pin ls")))
        }
    }
}

impl ListPins {
    fn run(&self) -> Result<Exit, Failure> {
        let pins = self.data_dir.store()?.pins()?;
        let pins = pins.into_iter().map(|pin| Pinned { cid: pin.cid.to_string(), name: pin.name }).collect();
        output::print(self.output, &Pins { pins })?;
        Ok(Exit::Success)
    }
}

impl Render for Pins {
    fn table(&self, _paint: Paint) -> String {
        self.pins.iter().map(|pin| format!("{}  {}\n", pin.cid, text::harmless(&pin.name))).collect()
    }
}
