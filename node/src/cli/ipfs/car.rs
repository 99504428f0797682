//! `bacalhau ipfs export` and `import`: DAGs as archives, such as everybody else reads and writes them.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bacalhau_runtime::HostFailure;
use clap::Args;
use serde::Serialize;

use super::super::content::{Content, DataDir};
use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format, Lines, Paint, Render};
use super::super::talk::Talk;
use super::super::text;
use crate::cas::car::{CarReader, CarWriter};
use crate::cas::unixfs::{Bounds, Scope, Walk};
use crate::cas::{Block, Blocks, CidPath};

const BUFFER_BYTES: usize = 1 << 20;

const EXPORT_EXAMPLES: &str = "\
Examples:
  bacalhau ipfs export bafybei… -o photos.car
  bacalhau ipfs export bafybei… -o - | ssh host bacalhau ipfs import -";

/// Write all blocks of a DAG into an archive (CAR)
#[derive(Args, Debug)]
#[command(after_help = EXPORT_EXAMPLES)]
pub(in crate::cli) struct Export {
    /// The CID
    place: CidPath,

    /// The archive; `-` is standard output [default: CID.car]
    #[arg(short = 'o', long, value_name = "FILE")]
    output_path: Option<PathBuf>,

    #[command(flatten)]
    content: Content,
}

const IMPORT_EXAMPLES: &str = "\
Examples:
  bacalhau ipfs import photos.car
  bacalhau ipfs import --no-pin one.car two.car";

/// Put the blocks of archives (CAR) into the store
#[derive(Args, Debug)]
#[command(after_help = IMPORT_EXAMPLES)]
pub(in crate::cli) struct Import {
    /// The archives; `-` is standard input
    #[arg(required = true)]
    archives: Vec<PathBuf>,

    /// Do not pin their roots
    #[arg(long)]
    no_pin: bool,

    /// How the answer is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    place: DataDir,
}

/// What an import came to.
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
    pinned: bool,
}

impl Export {
    /// Writes the archive.
    ///
    /// # Errors
    /// When a block is not to be had or the archive cannot be written; no part of it stays.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        if !self.place.path.is_empty() {
            return Err(Failure::usage("an archive is of a whole CID: leave the path out"));
        }
        let target = self.output_path.clone().unwrap_or_else(|| format!("{}.car", self.place.cid).into());
        let to_stdout = target.as_os_str() == "-";
        if to_stdout && io::stdout().is_terminal() {
            return Err(Failure::usage("an archive is nothing for a terminal: redirect it, or name a file with -o"));
        }
        let talk = Talk::new(false);
        let node = self.content.node(&talk)?;
        let blocks: Arc<dyn Blocks> = Arc::clone(node.exchange()) as _;
        let walk = Walk::new(blocks, &self.place.cid, Scope::All, Bounds::default());
        if to_stdout {
            self.write(walk, &talk, io::stdout().lock(), Path::new("standard output"))?;
        } else {
            let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let failed = |error| HostFailure::at("write", &target, error);
            let mut spool = tempfile::NamedTempFile::with_prefix_in(".bacalhau-", parent).map_err(failed)?;
            self.write(walk, &talk, spool.as_file_mut(), &target)?;
            spool.as_file().sync_all().map_err(failed)?;
            spool.persist(&target).map_err(|error| failed(error.error))?;
            talk.say(format!("wrote {}", target.display()));
        }
        node.exchange().settle()?;
        Ok(Exit::Success)
    }

    fn write(&self, walk: Walk, talk: &Arc<Talk>, sink: impl Write, target: &Path) -> Result<(), Failure> {
        let failed = |error| HostFailure::at("write", target, error);
        let progress = talk.progress();
        let sink = BufWriter::with_capacity(BUFFER_BYTES, sink);
        let mut writer = CarWriter::new(sink, &[self.place.cid]).map_err(failed)?;
        let mut bytes = 0;
        for block in walk {
            let (cid, block) = block?;
            bytes += block.len() as u64;
            writer.write(&Block::checked(cid, block)).map_err(failed)?;
            progress(bytes, None);
        }
        writer.finish().and_then(|mut sink| sink.flush()).map_err(failed)?;
        talk.done();
        Ok(())
    }
}

impl Import {
    /// Reads the archives.
    ///
    /// # Errors
    /// When one cannot be read to its end, or has a block that is not what its CID says. The blocks before that stay,
    /// and nothing of this archive is pinned.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let talk = Talk::new(false);
        let store = self.place.store()?;
        let mut archives = Vec::new();
        for path in &self.archives {
            let source: Box<dyn Read> =
                if path.as_os_str() == "-" { Box::new(io::stdin().lock()) } else { Box::new(open(path)?) };
            let progress = talk.progress();
            let mut reader =
                CarReader::new(path.display().to_string(), BufReader::with_capacity(BUFFER_BYTES, source))?;
            let writer = store.writer();
            let (mut blocks, mut bytes) = (0, 0);
            for block in reader.by_ref() {
                let block = block?;
                blocks += 1;
                bytes += block.bytes().len() as u64;
                writer.write(&block)?;
                progress(bytes, None);
            }
            // Pinned first: what is finished and not pinned may go.
            if !self.no_pin {
                for root in reader.roots() {
                    store.pin(root, &path.display().to_string())?;
                }
            }
            writer.finish()?;
            talk.done();
            let roots = reader.roots().iter().map(ToString::to_string).collect();
            archives.push(Archive { path: path.clone(), roots, blocks, bytes, pinned: !self.no_pin });
        }
        output::print(self.output, &Imported { archives })?;
        Ok(Exit::Success)
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
        }
        lines.into_text()
    }
}
