//! `bacalhau ipfs …`: the block store of the node and its exchange with others, for people.

mod add;
mod car;
mod get;
mod ls;
mod pin;
mod serve;
mod store;
mod verify;

use std::sync::Arc;

use clap::Subcommand;

use super::exit::{Exit, Failure};
use crate::cas::unixfs::DagTree;
use crate::cas::{Blocks, Cid, CidPath, DataError};

/// The verbs.
#[derive(Debug, Subcommand)]
pub(super) enum Ipfs {
    Add(add::Add),
    Get(get::Get),
    Ls(ls::Ls),
    Serve(serve::Serve),
    Export(car::Export),
    Import(car::Import),
    /// What must stay in the store
    #[command(subcommand)]
    Pin(pin::Pin),
    Gc(store::Gc),
    Stat(store::Stat),
    Verify(verify::Verify),
}

/// The CID that `place` leads to, for verbs that are about whole DAGs. Reads the blocks on the way, if there is a path.
///
/// # Errors
/// When nothing is there, or a block on the way is not to be had.
fn resolve(blocks: Arc<dyn Blocks>, place: &CidPath) -> Result<Cid, DataError> {
    if place.path.is_empty() { Ok(place.cid) } else { Ok(*DagTree::open(blocks, &place.cid, &place.path)?.cid()) }
}

impl Ipfs {
    /// Does what the verb says.
    ///
    /// # Errors
    /// The verb's own.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        match self {
            Self::Add(verb) => verb.run(),
            Self::Get(verb) => verb.run(),
            Self::Ls(verb) => verb.run(),
            Self::Serve(verb) => verb.run(),
            Self::Export(verb) => verb.run(),
            Self::Import(verb) => verb.run(),
            Self::Pin(verb) => verb.run(),
            Self::Gc(verb) => verb.run(),
            Self::Stat(verb) => verb.run(),
            Self::Verify(verb) => verb.run(),
        }
    }
}
