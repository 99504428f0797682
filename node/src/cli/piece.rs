//! `bacalhau piece`: what a storage provider of Filecoin would seal, and the names of that.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bacalhau_runtime::{HostFailure, HostTree};
use clap::Args;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::{self, Format, Lines, Paint, Render};
use super::talk::Talk;
use super::{interrupt, text};
use crate::cas::car::CarReader;
use crate::cas::piece::{Commitment, PieceWriter};
use crate::cas::unixfs::import::{Archive, Profile};
use crate::cas::{Cid, DataError};
use crate::temporary;

/// The largest sectors that there are; most are half as large.
const LARGEST_SECTOR_BYTES: u64 = 64 << 30;
/// Bytes of an archive that are read or written at once.
const BUFFER_BYTES: usize = 1 << 20;

const EXAMPLES: &str = "\
Examples:
  bacalhau piece ./photos
      which piece the directory would be, as an archive; nothing is written
  bacalhau piece --car photos.car ./photos
      the same, and the archive
  bacalhau piece photos.car
      an archive is a piece as it is; its blocks are not checked
  bacalhau piece --raw backup.tar
      the bytes of the file as they are";

/// Print the Filecoin piece commitment of a file, a directory or an archive (CAR)
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Piece {
    /// The file, directory or archive. What is no archive becomes one first, as `ipfs add` and `ipfs export` make it
    path: PathBuf,

    /// How it is cut into blocks: `kubo-cidv1`, `unixfs-v1-2025`, or `unixfs-v0-2015` [default: kubo-cidv1]
    #[arg(long, value_name = "PROFILE")]
    import_profile: Option<Profile>,

    /// Commit to the bytes of the file as they are, whatever they are
    #[arg(long, conflicts_with_all = ["car", "import_profile"])]
    raw: bool,

    /// Write the archive there
    #[arg(long, value_name = "FILE")]
    car: Option<PathBuf>,

    /// How the answer is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

/// The answer.
#[derive(Debug, Serialize)]
struct Committed {
    path: PathBuf,
    /// Roots of the archive.
    roots: Vec<String>,
    piece_cid_v1: String,
    piece_cid_v2: String,
    /// Bytes of the archive.
    payload_size: u64,
    /// Bytes of a sector that it takes.
    padded_size: u64,
    /// How it was cut into blocks, unless it was an archive before.
    #[serde(skip_serializing_if = "Option::is_none")]
    import_profile: Option<String>,
    /// The archive that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    car: Option<PathBuf>,
}

impl Piece {
    /// Commits, and prints.
    ///
    /// # Errors
    /// When something cannot be read or written, or an archive is damaged; no part of an archive stays.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let talk = Talk::new(false);
        let shown = self.path.display();
        let metadata =
            fs::metadata(&self.path).map_err(|error| Failure::usage(format!("cannot open {shown}: {error}")))?;
        if !metadata.is_dir() && !metadata.is_file() {
            return Err(Failure::usage(format!("{shown} is neither a file nor a directory")));
        }
        let (piece, answer) = if self.raw {
            if !metadata.is_file() {
                return Err(Failure::usage(format!("{shown} is not a file: leave --raw out")));
            }
            let piece = Commitment::of(&shown.to_string(), self.watched(&talk, metadata.len())?)?;
            (piece, self.answer(&piece, &[], None))
        } else if metadata.is_file() && self.is_archive()? {
            let (piece, roots) = self.of_archive(&talk, metadata.len())?;
            (piece, self.answer(&piece, &roots, None))
        } else {
            let (piece, root) = self.of_tree(&talk)?;
            (piece, self.answer(&piece, &[root], Some(self.profile().to_string())))
        };
        talk.done();
        if piece.padded_size() > LARGEST_SECTOR_BYTES {
            let size = text::bytes(piece.padded_size());
            talk.say(format!("no sector holds {size}: the largest have 64 GiB, most have 32. Split it"));
        }
        output::print(self.output, &answer)?;
        Ok(Exit::Success)
    }

    /// Whether the file begins as an archive does. One that has the name of an archive has to.
    fn is_archive(&self) -> Result<bool, Failure> {
        let name = self.path.display().to_string();
        let named = self.path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("car"));
        match CarReader::new(&name, self.open()?) {
            Ok(_) => Ok(true),
            Err(error @ DataError::Io { .. }) => Err(error.into()),
            Err(error) if named => {
                let advice = "it is named like an archive (CAR); to commit to its bytes as they are, use --raw; to import it as any \
                              other file, name it otherwise";
                Err(Failure { exit: Exit::Host, message: format!("{error}; {advice}") })
            }
            Err(_) => Ok(false),
        }
    }

    fn open(&self) -> Result<File, HostFailure> {
        File::open(&self.path).map_err(|error| HostFailure::at("open", &self.path, error))
    }

    fn of_archive(&self, talk: &Arc<Talk>, bytes: u64) -> Result<(Commitment, Vec<Cid>), Failure> {
        let name = self.path.display().to_string();
        let needless = [("--car", self.car.is_some()), ("--import-profile", self.import_profile.is_some())];
        if let Some((flag, _)) = needless.iter().find(|(_, given)| *given) {
            return Err(Failure::usage(format!("{name} is an archive already: leave {flag} out")));
        }
        Ok(Commitment::of_car(&name, self.watched(talk, bytes)?)?)
    }

    /// The file, of so many bytes, which says how far it was read.
    fn watched(&self, talk: &Arc<Talk>, bytes: u64) -> Result<Watched<impl FnMut(usize) + use<>>, HostFailure> {
        let progress = talk.progress();
        let mut read = 0;
        let seen = move |count| {
            read += count as u64;
            progress(read, Some(bytes));
        };
        Ok(Watched { source: self.open()?, seen })
    }

    fn of_tree(&self, talk: &Arc<Talk>) -> Result<(Commitment, Cid), Failure> {
        let target = self.car.as_deref().map(|car| self.target(car)).transpose()?;
        let tree = HostTree::open(&self.path).map_err(|error| HostFailure::at("open", &self.path, error))?;
        let progress = talk.progress();
        let archive = Archive::of(Arc::new(tree), self.profile(), |bytes| progress(bytes, None))?;
        talk.done();
        let (total, progress) = (archive.block_bytes(), talk.progress());
        let written = |bytes| progress(bytes, Some(total));
        let piece = match target {
            None => archive.write(PieceWriter::new(io::sink()), written)?.finish()?.0,
            Some(target) => {
                let failed = |error| HostFailure::at("write", &target, error);
                // Beside it, so that it gets its name when it is whole.
                let parent = target.parent().unwrap_or(Path::new("."));
                let dir = temporary::dir_in(parent).map_err(failed)?;
                let spool = dir.path().join("car");
                let file = io::BufWriter::with_capacity(BUFFER_BYTES, File::create(&spool).map_err(failed)?);
                let (piece, file) = archive.write(PieceWriter::new(file), written)?.finish()?;
                let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
                file.sync_all().map_err(failed)?;
                interrupt::not_during(|| fs::rename(&spool, &target)).map_err(failed)?;
                piece
            }
        };
        Ok((piece, archive.imported().cid))
    }

    fn profile(&self) -> Profile {
        self.import_profile.unwrap_or_default()
    }

    /// Where the archive will be: not within what it is of.
    fn target(&self, car: &Path) -> Result<PathBuf, Failure> {
        let shown = car.display();
        let name = car.file_name().ok_or_else(|| Failure::usage(format!("--car {shown}: name a file")))?;
        let parent = car.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let real = |path: &Path| {
            fs::canonicalize(path).map_err(|error| Failure::usage(format!("cannot open {}: {error}", path.display())))
        };
        let target = real(parent)?.join(name);
        if target.is_dir() {
            return Err(Failure::usage(format!("--car {shown} is a directory: name a file")));
        }
        if target.starts_with(real(&self.path)?) {
            let within = self.path.display();
            return Err(Failure::usage(format!(
                "--car {shown} would be part of {within}, which it is of: write it elsewhere"
            )));
        }
        Ok(target)
    }

    fn answer(&self, piece: &Commitment, roots: &[Cid], import_profile: Option<String>) -> Committed {
        Committed {
            path: self.path.clone(),
            roots: roots.iter().map(ToString::to_string).collect(),
            piece_cid_v1: piece.cid_v1().to_string(),
            piece_cid_v2: piece.cid_v2().to_string(),
            payload_size: piece.payload_size(),
            padded_size: piece.padded_size(),
            import_profile,
            car: self.car.clone(),
        }
    }
}

/// Says how many bytes were read.
struct Watched<F> {
    source: File,
    seen: F,
}

impl<F: FnMut(usize)> Read for Watched<F> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(bytes)?;
        (self.seen)(read);
        Ok(read)
    }
}

impl Render for Committed {
    fn table(&self, paint: Paint) -> String {
        let mut lines = Lines::default();
        for root in &self.roots {
            lines.add("root", root);
        }
        lines.add("piece v1", &self.piece_cid_v1);
        lines.add("piece v2", paint.green(&self.piece_cid_v2));
        lines.add("payload", size(self.payload_size));
        lines.add("padded", size(self.padded_size));
        if let Some(car) = &self.car {
            lines.add("written", car.display().to_string());
        }
        lines.into_text()
    }
}

/// In a form for people, and exactly: deals count bytes.
fn size(bytes: u64) -> String {
    format!("{} bytes ({})", text::thousands(bytes), text::bytes(bytes))
}
