//! `bacalhau ipfs verify`: reads all of the block store.

use clap::Args;
use serde::Serialize;

use super::super::content::DataDir;
use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format, Lines, Paint, Render};
use super::super::talk::Talk;
use super::super::text;
use crate::cas::store::{BadBlock, IncompletePin, Verified};

const EXAMPLES: &str = "\
Examples:
  bacalhau ipfs verify
  bacalhau ipfs verify --output json
  bacalhau ipfs pin add CID
      fetches what is damaged or missing below a pin";

/// Read and hash every block of the store, and check that what is pinned is complete. Exit code 4 if something is wrong
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Verify {
    /// How the answer is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    data_dir: DataDir,
}

/// The answer.
#[derive(Debug, Serialize)]
struct Findings {
    /// Copies of blocks that were read.
    blocks: u64,
    bytes: u64,
    /// Damaged copies.
    damaged_copies: u64,
    /// Of these, copies without a sound one elsewhere in the store.
    damaged_blocks: u64,
    /// The damaged copies, at most a thousand.
    damaged: Vec<Damaged>,
    unreadable_packs: Vec<String>,
    incomplete_pins: Vec<Incomplete>,
}

#[derive(Debug, Serialize)]
struct Damaged {
    /// Absent where the CID cannot be read either.
    cid: Option<String>,
    pack: String,
    at: u64,
    /// Whether there is a sound copy elsewhere in the store.
    replaced: bool,
    #[serde(skip)]
    shown: String,
}

#[derive(Debug, Serialize)]
struct Incomplete {
    cid: String,
    name: String,
    why: String,
}

impl Verify {
    /// Reads the store.
    ///
    /// # Errors
    /// When it cannot be read, or something in it is damaged or missing.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let talk = Talk::new(false);
        let progress = talk.progress();
        let store = self.data_dir.store()?;
        let verified = store.verify(&mut |bytes| progress(bytes, None))?;
        talk.done();
        let findings = Findings::of(verified);
        output::print(self.output, &findings)?;
        let Some(message) = findings.message() else { return Ok(Exit::Success) };
        Err(Failure { exit: Exit::Host, message })
    }
}

impl Findings {
    fn of(verified: Verified) -> Self {
        let damaged = |bad: BadBlock| Damaged {
            shown: bad.to_string(),
            cid: bad.cid.map(|cid| cid.to_string()),
            pack: bad.pack.display().to_string(),
            at: bad.at,
            replaced: bad.replaced,
        };
        let incomplete = |IncompletePin { pin, why }| Incomplete { cid: pin.cid.to_string(), name: pin.name, why };
        Self {
            blocks: verified.blocks,
            bytes: verified.bytes,
            damaged_copies: verified.damaged_copies,
            damaged_blocks: verified.damaged_blocks,
            damaged: verified.damaged.into_iter().map(damaged).collect(),
            unreadable_packs: verified.unreadable_packs,
            incomplete_pins: verified.incomplete_pins.into_iter().map(incomplete).collect(),
        }
    }

    /// What is wrong, if anything is.
    fn message(&self) -> Option<String> {
        let count = |number: u64, what| text::count(usize::try_from(number).unwrap_or(usize::MAX), what);
        let found = [
            (self.damaged_blocks, "damaged block"),
            (self.unreadable_packs.len() as u64, "unreadable pack"),
            (self.incomplete_pins.len() as u64, "incomplete pin"),
        ];
        let found: Vec<_> = found.into_iter().filter(|(number, _)| *number > 0).collect();
        if found.is_empty() {
            return None;
        }
        let found: Vec<_> = found.into_iter().map(|(number, what)| count(number, what)).collect();
        let advice = "add or import the data again, or fetch it with bacalhau ipfs pin add";
        Some(format!("the block store has {}; {advice}", found.join(", ")))
    }
}

impl Render for Findings {
    fn table(&self, paint: Paint) -> String {
        let mut lines = Lines::default();
        let blocks = text::count(usize::try_from(self.blocks).unwrap_or(usize::MAX), "block");
        lines.add("read", format!("{blocks}, {}", text::bytes(self.bytes)));
        for bad in &self.damaged {
            let replaced = if bad.replaced { " (there is a sound copy)" } else { "" };
            lines.add("damaged", paint.red(&format!("{}{replaced}", bad.shown)));
        }
        let listed = self.damaged.len() as u64;
        if self.damaged_copies > listed {
            lines.add("damaged", format!("and {} more", text::thousands(self.damaged_copies - listed)));
        }
        for pack in &self.unreadable_packs {
            lines.add("unreadable", paint.red(pack));
        }
        for Incomplete { cid, name, why } in &self.incomplete_pins {
            lines.add("incomplete", paint.red(&format!("{cid} {}: {why}", text::harmless(name))));
        }
        lines.into_text()
    }
}
