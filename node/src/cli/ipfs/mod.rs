//! `bacalhau ipfs …`: the block store of the node and its exchange with others, for people.

mod add;
mod car;
mod get;
mod ls;
mod pin;
mod serve;
mod store;

use clap::Subcommand;

use super::exit::{Exit, Failure};

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
        }
    }
}
