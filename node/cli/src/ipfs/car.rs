//! `bacalhau ipfs export` and `import`: DAGs as CAR archives.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bacalhau_runtime::HostFailure;
use clap::Args;
use serde::Serialize;

use super::super::content::{Content, DataDir};
use super::super::exit::{Exit, Failure};
use super::super::interrupt;
use super::super::output::{self, Format, Lines, Paint, Render};
use super::super::progress_output::Ui;
use super::super::text;
use bacalhau_cas::{
    Block, BlockSource, Cid, CidPath, DataError,
    car::{CarReader, CarWriter},
    first_missing,
    store::{Store, Writer},
    unixfs::{Bounds, Scope, Walk},
};
use bacalhau_files::temporary;

const BUFFER_BYTES: usize = 1 << 20;

const EXPORT_EXAMPLES: &str = "Examples:
  bacalhau ipfs export bafybei… -o photos.car
  bacalhau ipfs export bafybei… -o - | ssh host bacalhau ipfs import -";

/// Write all blocks of a DAG into an archive (CAR)
#[derive(Args, Debug)]
#[command(after_help = EXPORT_EXAMPLES)]
pub(crate) struct Export {
    /// CID or CID/path, optionally with `ipfs://`. With a path, the DAG at its end is exported
    place: CidPath,

    /// Output file; `-` for standard output [default: CID.car]
    #[arg(short = 'o', long, value_name = "FILE")]
    output_path: Option<PathBuf>,

    #[command(flatten)]
    content: Content,
}

const IMPORT_EXAMPLES: &str = "Examples:
  bacalhau ipfs import photos.car
  bacalhau ipfs import --no-pin one.car
  bacalhau ipfs import part-1.car part-2.car
      a DAG in several archives is pinned when it is complete";

/// Import the blocks of archives (CAR) into the store
#[derive(Args, Debug)]
#[command(after_help = IMPORT_EXAMPLES)]
pub(crate) struct Import {
    /// Archives; `-` for standard input
    #[arg(required = true)]
    archives: Vec<PathBuf>,

    /// Do not pin the roots
    #[arg(long)]
    no_pin: bool,

    /// Pin roots even if blocks below them are missing
    #[arg(long, conflicts_with = "no_pin")]
    pin_incomplete: bool,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    place: DataDir,
}

/// The result of an import.
#[derive(Debug, Serialize)]
struct Imported {
    archives: Vec<Archive>,
}

#[derive(Debug, Serialize)]
struct Archive {
    path: PathBuf,
    roots: Vec<String>,
    blocks: u64,
    bytes: u64,
    /// Whether there is at least one root and all roots are pinned.
    pinned: bool,
    /// Roots with missing blocks.
    incomplete: Vec<Incomplete>,
}

#[derive(Debug, Serialize)]
struct Incomplete {
    root: String,
    /// The missing or damaged block.
    why: String,
}

impl Export {
    /// Writes the archive.
    ///
    /// # Errors
    /// When a block cannot be fetched or the archive cannot be written; no partial archive remains.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let to_stdout = self.output_path.as_ref().is_some_and(|path| path.as_os_str() == "-");
        if to_stdout && io::stdout().is_terminal() {
            return Err(Failure::usage(
                "refusing to write an archive to a terminal: redirect it, or name a file with -o",
            ));
        }
        let ui = Ui::new(false);
        let node = self.content.node(&ui)?;
        let blocks: Arc<dyn BlockSource> = Arc::clone(node.exchange()) as _;
        let root = super::resolve(Arc::clone(&blocks), &self.place)?;
        let target = self.output_path.clone().unwrap_or_else(|| format!("{root}.car").into());
        let walk = Walk::new(blocks, &root, Scope::All, Bounds::default());
        if to_stdout {
            write(&root, walk, &ui, io::stdout().lock(), Path::new("standard output"))?;
        } else {
            let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let failed = |error| HostFailure::at("write", &target, error);
            let mut spool = temporary::file_in(parent).map_err(failed)?;
            write(&root, walk, &ui, spool.as_file_mut(), &target)?;
            spool.as_file().sync_all().map_err(failed)?;
            interrupt::not_during(|| spool.persist(&target)).map_err(failed)?;
            ui.say(format!("wrote {}", target.display()));
        }
        node.exchange().settle()?;
        Ok(Exit::Success)
    }
}

fn write(root: &Cid, walk: Walk, ui: &Arc<Ui>, sink: impl Write, target: &Path) -> Result<(), Failure> {
    let failed = |error| HostFailure::at("write", target, error);
    let progress = ui.progress();
    let sink = BufWriter::with_capacity(BUFFER_BYTES, sink);
    let mut writer = CarWriter::new(sink, &[*root]).map_err(failed)?;
    let mut bytes = 0;
    for block in walk {
        let (cid, block) = block?;
        bytes += block.len() as u64;
        writer.write(&Block::checked(cid, block)).map_err(failed)?;
        progress(bytes, None);
    }
    writer.finish().and_then(|mut sink| sink.flush()).map_err(failed)?;
    ui.done();
    Ok(())
}

impl Import {
    /// Reads the archives.
    ///
    /// # Errors
    /// When an archive is truncated or has a block with a wrong CID: earlier blocks are kept, nothing is pinned. When a
    /// DAG to pin is incomplete: its blocks are kept, it is not pinned.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let ui = Ui::new(false);
        let store = self.place.store()?;
        // One writer for all archives: its blocks are kept while it is open.
        let writer = store.writer();
        let mut read = Vec::new();
        for path in &self.archives {
            read.push(read_archive(path, &writer, &ui)?);
        }
        let roots: Vec<Cid> = read.iter().flat_map(|(_, roots)| roots).copied().collect();
        // Taken first, because finished blocks without a lease or pin may be evicted.
        let hold = store.hold_all(&roots)?;
        writer.finish()?;
        let mut lacking = Vec::new();
        let mut archives = Vec::new();
        for (mut archive, roots) in read {
            for root in &roots {
                let why = lacks(&store, root)?;
                if !self.no_pin && (why.is_none() || self.pin_incomplete) {
                    store.pin_for_good(root, &archive.path.display().to_string())?;
                }
                archive.incomplete.extend(why.map(|why| Incomplete { root: root.to_string(), why }));
            }
            archive.pinned =
                !self.no_pin && !roots.is_empty() && (self.pin_incomplete || archive.incomplete.is_empty());
            lacking.extend(archive.incomplete.iter().map(|Incomplete { root, why }| format!("{root}: {why}")));
            archives.push(archive);
        }
        drop(hold);
        output::print(self.output, &Imported { archives })?;
        if lacking.is_empty() || self.no_pin || self.pin_incomplete {
            return Ok(Exit::Success);
        }
        let message = format!(
            "incomplete, so not pinned: {}; import the rest, fetch it with bacalhau ipfs pin add, or pin the existing \
             blocks with --pin-incomplete",
            lacking.join("; ")
        );
        Err(Failure::new(Exit::Host, message))
    }
}

/// Imports the blocks of the archive at `path` and returns its roots.
fn read_archive(path: &Path, writer: &Writer, ui: &Arc<Ui>) -> Result<(Archive, Vec<Cid>), Failure> {
    let source: Box<dyn Read> =
        if path.as_os_str() == "-" { Box::new(io::stdin().lock()) } else { Box::new(open(path)?) };
    let progress = ui.progress();
    let mut reader = CarReader::new(path.display().to_string(), BufReader::with_capacity(BUFFER_BYTES, source))?;
    let (mut blocks, mut bytes) = (0, 0);
    for block in reader.by_ref() {
        let block = block?;
        blocks += 1;
        bytes += block.bytes().len() as u64;
        writer.write(&block)?;
        progress(bytes, None);
    }
    ui.done();
    let roots = reader.roots().to_vec();
    let shown = roots.iter().map(ToString::to_string).collect();
    let archive = Archive { path: path.into(), roots: shown, blocks, bytes, pinned: false, incomplete: Vec::new() };
    Ok((archive, roots))
}

/// Why the DAG below `root` is incomplete; `None` if it is complete.
fn lacks(store: &Store, root: &Cid) -> Result<Option<String>, DataError> {
    match first_missing(store, root) {
        Ok(None) => Ok(None),
        Ok(Some(cid)) => Ok(Some(format!("block {cid} is missing"))),
        Err(error @ DataError::Io { .. }) => Err(error),
        Err(error) => Ok(Some(error.to_string())),
    }
}

fn open(path: &Path) -> Result<File, Failure> {
    if path.is_dir() {
        let path = path.display();
        return Err(Failure::usage(format!("{path} is a directory, and an archive is a file: see bacalhau ipfs add")));
    }
    File::open(path).map_err(|error| Failure::usage(format!("cannot open {}: {error}", path.display())))
}

impl Render for Imported {
    fn table(&self, paint: Paint) -> String {
        let mut lines = Lines::default();
        for archive in &self.archives {
            for root in &archive.roots {
                lines.add("root", paint.green(root));
            }
            let blocks = text::count(usize::try_from(archive.blocks).unwrap_or(usize::MAX), "block");
            lines.add("from", format!("{}  ({blocks}, {})", archive.path.display(), text::bytes(archive.bytes)));
            for Incomplete { root, why } in &archive.incomplete {
                lines.add("incomplete", paint.red(&format!("{root}: {why}")));
            }
        }
        lines.into_text()
    }
}
