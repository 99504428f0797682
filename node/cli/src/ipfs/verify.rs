//! `bacalhau ipfs verify`: checks all of the block store.

use clap::Args;
use serde::Serialize;

use super::super::content::DataDir;
use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format, Lines, Paint, Render};
use super::super::progress_output::Ui;
use super::super::text;
use bacalhau_cas::store::{BadBlock, IncompletePin, Verified};

const EXAMPLES: &str = "Examples:
  bacalhau ipfs verify
  bacalhau ipfs verify --output json
  bacalhau ipfs pin add CID
      fetches damaged and missing blocks of a pin";

/// Read and hash every block of the store, and check that pins are complete. Exit code 4 on damage
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Verify {
    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    data_dir: DataDir,
}

/// The output of the command.
#[derive(Debug, Serialize)]
struct Findings {
    /// Number of block copies that were read.
    blocks: u64,
    bytes: u64,
    /// Number of damaged copies.
    damaged_copies: u64,
    /// Number of damaged copies without a sound one elsewhere in the store.
    damaged_blocks: u64,
    /// The damaged copies, at most 1000.
    damaged: Vec<Damaged>,
    unreadable_packs: Vec<String>,
    incomplete_pins: Vec<Incomplete>,
}

#[derive(Debug, Serialize)]
struct Damaged {
    /// Absent when the CID is unreadable too.
    cid: Option<String>,
    pack: String,
    at: u64,
    /// Whether the store has a sound copy elsewhere.
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
    /// Checks the store.
    ///
    /// # Errors
    /// When it cannot be read, or a block is damaged or missing.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let ui = Ui::new(false);
        let progress = ui.progress();
        let store = self.data_dir.store()?;
        let verified = store.verify(&mut |bytes| progress(bytes, None))?;
        ui.done();
        let findings = Findings::of(verified);
        output::print(self.output, &findings)?;
        let Some(message) = findings.message() else { return Ok(Exit::Success) };
        Err(Failure::new(Exit::Host, message))
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

    /// Description of the findings; `None` when there are none.
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
            let replaced = if bad.replaced { " (a sound copy exists)" } else { "" };
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
