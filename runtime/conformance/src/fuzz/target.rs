//! The three kinds of modules, with the engines and the stack that each of them needs.

use std::io;

use super::campaign::{Campaign, Finding};
use super::counts::Counts;
use super::engines::{Engines, NATIVE_STACK};
use super::{floats, smith, stack};

/// Where modules come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Target {
    /// wasm-smith: everything that WebAssembly allows
    Smith,
    /// Programs with floats, NaNs of every kind in them
    Floats,
    /// Recursion through frames that are as large as can be
    Stack,
}

impl Target {
    /// Runs a campaign. `found` receives each finding at once.
    ///
    /// # Errors
    /// When the host fails: no threads, no engine, no place for files.
    pub fn run(self, campaign: Campaign, found: &(dyn Fn(&Finding) + Sync)) -> io::Result<(Counts, Vec<Finding>)> {
        let native_stack = if self == Self::Stack { stack::NATIVE_STACK } else { NATIVE_STACK };
        let engines = Engines::new(native_stack).map_err(|error| io::Error::other(format!("{error:#}")))?;
        // Room for the host below and above the guest.
        let thread_stack = native_stack + (8 << 20);
        match self {
            Self::Smith => {
                campaign.run("smith", thread_stack, &|dice, counts| smith::try_one(&engines, dice, counts), found)
            }
            Self::Floats => {
                campaign.run("floats", thread_stack, &|dice, counts| floats::try_one(&engines, dice, counts), found)
            }
            Self::Stack => {
                campaign.run("stack", thread_stack, &|dice, counts| stack::try_one(&engines, dice, counts), found)
            }
        }
    }
}
