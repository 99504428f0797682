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

/// Fetch all blocks of a DAG and keep them
#[derive(Args, Debug)]
#[command(after_help = ADD_EXAMPLES)]
pub(in crate::cli) struct AddPin {
    /// The CID
    place: CidPath,

    /// What it is, for whoever lists the pins
    #[arg(long, value_name = "TEXT", default_value = "")]
    name: String,

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
    /// The CID
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
        // From here on it does not go while it comes.
        node.store().pin(&self.place.cid, &self.name)?;
        node.exchange().fetch_dag(&self.place.cid);
        let blocks: Arc<dyn Blocks> = Arc::clone(node.exchange()) as _;
        let mut walk = Walk::new(blocks, &self.place.cid, Scope::All, Bounds::default());
        let whole = walk.try_for_each(|block| block.map(drop)).and_then(|()| node.exchange().settle());
        if let Err(error) = whole {
            node.store().unpin(&self.place.cid)?;
            return Err(error.into());
        }
        talk.say(format!("pinned {}", self.place.cid));
        Ok(Exit::Success)
    }
}

impl RemovePin {
    fn run(&self) -> Result<Exit, Failure> {
        if self.data_dir.store()?.unpin(&self.place.cid)? {
            Ok(Exit::Success)
        } else {
            Err(Failure::usage(format!("{} is not pinned: see bacalhau ipfs pin ls", self.place.cid)))
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
