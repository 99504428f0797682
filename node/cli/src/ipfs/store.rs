//! `bacalhau ipfs stat` and `gc`: usage of the block store, and garbage collection.

use clap::Args;
use serde::Serialize;

use super::super::content::DataDir;
use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format, Lines, Paint, Render};
use super::super::text;
use bacalhau_values::Size;

const STAT_EXAMPLES: &str = "Examples:
  bacalhau ipfs stat --output json";

/// Show usage of the block store, and known damage
#[derive(Args, Debug)]
#[command(after_help = STAT_EXAMPLES)]
pub(crate) struct Stat {
    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    data_dir: DataDir,
}

const GC_EXAMPLES: &str = "Examples:
  bacalhau ipfs gc
  bacalhau ipfs gc --keep 10GiB";

/// Remove blocks that are neither pinned nor in use
#[derive(Args, Debug)]
#[command(after_help = GC_EXAMPLES)]
pub(crate) struct Gc {
    /// Stop when the store has shrunk to this size
    #[arg(long, value_name = "SIZE", default_value_t = Size(0))]
    keep: Size,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    data_dir: DataDir,
}

#[derive(Debug, Serialize)]
struct Usage {
    bytes: u64,
    max_bytes: u64,
    blocks: u64,
    pinned_bytes: u64,
    packs: usize,
    /// Read errors.
    damaged: Vec<String>,
    /// Number of damaged blocks without a sound copy.
    damaged_blocks: u64,
}

#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "these are the names of the JSON output")]
struct Freed {
    freed_bytes: u64,
    kept_bytes: u64,
    pinned_bytes: u64,
    /// Damaged nodes of DAGs that are pinned or in use. Nothing is removed while there are any.
    damaged: Vec<String>,
}

impl Stat {
    /// Reads the usage.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let stat = self.data_dir.store()?.stat()?;
        let usage = Usage {
            bytes: stat.bytes,
            max_bytes: stat.max_bytes,
            blocks: stat.blocks,
            pinned_bytes: stat.pinned_bytes,
            packs: stat.packs,
            damaged: stat.damaged,
            damaged_blocks: stat.damaged_blocks,
        };
        output::print(self.output, &usage)?;
        Ok(Exit::Success)
    }
}

impl Gc {
    /// Collects garbage.
    ///
    /// # Errors
    /// When the store cannot be written, or another process collects garbage.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let collected = self.data_dir.store()?.collect(self.keep.0)?;
        let freed = Freed {
            freed_bytes: collected.freed_bytes,
            kept_bytes: collected.kept_bytes,
            pinned_bytes: collected.pinned_bytes,
            damaged: collected.damaged.iter().map(ToString::to_string).collect(),
        };
        output::print(self.output, &freed)?;
        let Some(first) = freed.damaged.first() else { return Ok(Exit::Success) };
        let message = format!(
            "nothing was removed, because block {first} is damaged and its links are unknown; fetch it again with \
             bacalhau ipfs pin add, or unpin its DAG with bacalhau ipfs pin rm: see bacalhau ipfs verify"
        );
        Err(Failure::new(Exit::Host, message))
    }
}

impl Render for Usage {
    fn table(&self, paint: Paint) -> String {
        let mut lines = Lines::default();
        let share = text::percent(self.bytes, self.max_bytes);
        lines.add("used", format!("{} of {} ({share})", text::bytes(self.bytes), text::bytes(self.max_bytes)));
        lines.add("pinned", text::bytes(self.pinned_bytes));
        lines.add("blocks", format!("{} in {}", text::thousands(self.blocks), text::count(self.packs, "pack")));
        for damaged in &self.damaged {
            lines.add("damaged", paint.red(damaged));
        }
        lines.into_text()
    }
}

impl Render for Freed {
    fn table(&self, _paint: Paint) -> String {
        let mut lines = Lines::default();
        lines.add("freed", text::bytes(self.freed_bytes));
        lines.add("left", format!("{}, {} of it pinned", text::bytes(self.kept_bytes), text::bytes(self.pinned_bytes)));
        lines.into_text()
    }
}
