//! `bacalhau ipfs …`: commands for the block store and block exchange.

mod add;
mod car;
mod find;
mod get;
mod ls;
mod pin;
mod serve;
mod store;
mod verify;

use std::sync::Arc;

use clap::Subcommand;

use super::exit::{Exit, Failure};
use bacalhau_cas::{BlockSource, Cid, CidPath, DataError, unixfs::DagTree};

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Ipfs {
    Add(add::Add),
    Get(get::Get),
    Ls(ls::Ls),
    Find(find::Find),
    Serve(serve::Serve),
    Export(car::Export),
    Import(car::Import),
    /// Pins: DAGs that are kept in the store
    #[command(subcommand)]
    Pin(pin::Pin),
    Gc(store::Gc),
    Stat(store::Stat),
    Verify(verify::Verify),
}

/// Resolves `output_dir` to the CID of a DAG. Reads the blocks along the path.
///
/// # Errors
/// When the path does not exist, or a block along it cannot be fetched.
fn resolve(blocks: Arc<dyn BlockSource>, place: &CidPath) -> Result<Cid, DataError> {
    if place.path.is_empty() { Ok(place.cid) } else { Ok(*DagTree::open(blocks, &place.cid, &place.path)?.cid()) }
}

impl Ipfs {
    /// Runs the command.
    ///
    /// # Errors
    /// When the command fails.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        match self {
            Self::Add(verb) => verb.run(),
            Self::Get(verb) => verb.run(),
            Self::Ls(verb) => verb.run(),
            Self::Find(verb) => verb.run(),
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
