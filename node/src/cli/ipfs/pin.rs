//! `bacalhau ipfs pin`: what must stay in the store, with all that is below it.

use std::sync::Arc;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::super::content::{Content, DataDir};
use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format, Paint, Render};
use super::super::talk::Talk;
use super::super::text;
use crate::cas::unixfs::{Bounds, Scope, Walk};
use crate::cas::{Blocks, CidPath};

/// The verbs of pins.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Pin {
    Add(AddPin),
    Rm(RemovePin),
    Ls(ListPins),
}

const ADD_EXAMPLES: &str = "\
Examples:
  bacalhau ipfs pin add --name photos bafybei…";

/// Fetch all blocks of a DAG and keep them. What is pinned and damaged is repaired so
#[derive(Args, Debug)]
#[command(after_help = ADD_EXAMPLES)]
pub(in crate::cli) struct AddPin {
    /// CID or CID/path, with `ipfs://` before it or not. Of a path, the DAG that it leads to is pinned
    place: CidPath,

    /// Name of the pin in `pin ls` [default: the name that it has already, or none]
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,

    #[command(flatten)]
    content: Content,
}

const REMOVE_EXAMPLES: &str = "\
Examples:
  bacalhau ipfs pin rm bafybei…";

/// Let a DAG go when the store needs room
#[derive(Args, Debug)]
#[command(after_help = REMOVE_EXAMPLES)]
pub(in crate::cli) struct RemovePin {
    /// CID or CID/path, with `ipfs://` before it or not. Of a path, the pin of the DAG that it leads to is removed; the blocks
    /// on the way have to be in the store
    place: CidPath,

    #[command(flatten)]
    data_dir: DataDir,
}

const LIST_EXAMPLES: &str = "\
Examples:
  bacalhau ipfs pin ls --output json";

/// List what is pinned
#[derive(Args, Debug)]
#[command(after_help = LIST_EXAMPLES)]
pub(in crate::cli) struct ListPins {
    /// How the answer is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    data_dir: DataDir,
}

/// The answer.
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
    /// Does what the verb says.
    ///
    /// # Errors
    /// When blocks are not to be had, or there is no such pin.
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
        let talk = Talk::new(false);
        let node = self.content.node(&talk)?;
        let blocks: Arc<dyn Blocks> = Arc::clone(node.exchange()) as _;
        let cid = super::resolve(Arc::clone(&blocks), &self.place)?;
        // From here on it does not go while it comes, and a former pin of it stays whatever happens.
        let hold = node.store().hold(&cid)?;
        node.exchange().fetch_dag(&cid);
        Walk::new(blocks, &cid, Scope::All, Bounds::default()).try_for_each(|block| block.map(drop))?;
        node.exchange().settle()?;
        match &self.name {
            Some(name) => node.store().pin(&cid, name)?,
            None => node.store().pin_for_good(&cid, "")?,
        }
        drop(hold);
        talk.say(format!("pinned {cid}"));
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
