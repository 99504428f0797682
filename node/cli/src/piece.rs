//! `bacalhau piece`: the Filecoin piece that a storage provider would seal, and its commitments.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bacalhau_runtime::{HostFailure, HostTree};
use clap::Args;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::{self, Format, Lines, Paint, Render};
use super::progress_output::Ui;
use super::{interrupt, text};
use bacalhau_cas::{
    Cid, DataError,
    car::CarReader,
    piece::{COMMON_MIN_BYTES, Commitment, PieceWriter},
    unixfs::import::{Archive, Profile},
};
use bacalhau_files::temporary;

/// Largest sector size in bytes; the most common is half of it.
const LARGEST_SECTOR_BYTES: u64 = 64 << 30;
/// I/O buffer size in bytes.
const BUFFER_BYTES: usize = 1 << 20;

const EXAMPLES: &str = "Examples:
  bacalhau piece ./photos
      the piece of the directory as an archive; writes nothing
  bacalhau piece --car photos.car ./photos
      also writes the archive
  bacalhau piece photos.car
      an archive is used unchanged; its blocks are not checked
  bacalhau piece --raw backup.tar
      the unchanged bytes of the file";

/// Print the Filecoin piece commitment of a file, a directory or an archive (CAR)
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Piece {
    /// File, directory or archive. Files and directories are converted to an archive as by `ipfs add` and `ipfs export`
    path: PathBuf,

    /// Import profile: `kubo-cidv1`, `unixfs-v1-2025`, or `unixfs-v0-2015` [default: kubo-cidv1]
    #[arg(long, value_name = "PROFILE")]
    import_profile: Option<Profile>,

    /// Commit to the unchanged bytes of the file
    #[arg(long, conflicts_with_all = ["car", "import_profile"])]
    raw: bool,

    /// Also write the archive to this path
    #[arg(long, value_name = "FILE")]
    car: Option<PathBuf>,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

/// The output of the command.
#[derive(Debug, Serialize)]
struct Committed {
    path: PathBuf,
    /// Roots of the archive.
    roots: Vec<String>,
    piece_cid_v1: String,
    piece_cid_v2: String,
    /// Size of the archive in bytes.
    payload_size: u64,
    /// Padded size in a sector in bytes.
    padded_size: u64,
    /// Import profile; absent if the input was an archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    import_profile: Option<String>,
    /// Path of the written archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    car: Option<PathBuf>,
}

impl Piece {
    /// Computes and prints the commitment.
    ///
    /// # Errors
    /// When a file cannot be read or written, or an archive is damaged; no partial archive remains.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let ui = Ui::new(false);
        let shown = self.path.display();
        let metadata =
            fs::metadata(&self.path).map_err(|error| Failure::usage(format!("cannot open {shown}: {error}")))?;
        if !metadata.is_dir() && !metadata.is_file() {
            return Err(Failure::usage(format!("{shown} is neither a file nor a directory")));
        }
        let (piece, answer) = if self.raw {
            if !metadata.is_file() {
                return Err(Failure::usage(format!("{shown} is not a file: remove --raw")));
            }
            let piece = Commitment::of(&shown.to_string(), self.watched(&ui, metadata.len())?)?;
            (piece, self.answer(&piece, &[], None))
        } else if metadata.is_file() && self.is_archive()? {
            let (piece, roots) = self.of_archive(&ui, metadata.len())?;
            (piece, self.answer(&piece, &roots, None))
        } else {
            let (piece, root) = self.of_tree(&ui)?;
            (piece, self.answer(&piece, &[root], Some(self.profile().to_string())))
        };
        ui.done();
        if piece.padded_size() > LARGEST_SECTOR_BYTES {
            let size = text::bytes(piece.padded_size());
            ui.say(format!("no sector holds {size}: the maximum is 64 GiB, most sectors have 32 GiB. Split the data"));
        }
        if piece.payload_size() < COMMON_MIN_BYTES {
            ui.say(format!(
                "note: providers with PDP and most tools of Filecoin reject pieces below {COMMON_MIN_BYTES} bytes, and older \
                 tools those below 65. To store it, append zeros up to {COMMON_MIN_BYTES} bytes: piece v1 stays, piece v2 changes"
            ));
        }
        output::print(self.output, &answer)?;
        Ok(Exit::Success)
    }

    /// Whether the file begins like an archive. A file with an archive's name must.
    fn is_archive(&self) -> Result<bool, Failure> {
        let name = self.path.display().to_string();
        let named = self.path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("car"));
        match CarReader::new(&name, self.open()?) {
            Ok(_) => Ok(true),
            Err(error @ DataError::Io { .. }) => Err(error.into()),
            Err(error) if named => {
                let advice = "it is named like an archive (CAR); to commit to its unchanged bytes, use --raw; to \
                    import it as a file, rename it";
                Err(Failure::new(Exit::Host, format!("{error}; {advice}")))
            }
            Err(_) => Ok(false),
        }
    }

    fn open(&self) -> Result<File, HostFailure> {
        File::open(&self.path).map_err(|error| HostFailure::at("open", &self.path, error))
    }

    fn of_archive(&self, ui: &Arc<Ui>, bytes: u64) -> Result<(Commitment, Vec<Cid>), Failure> {
        let name = self.path.display().to_string();
        let needless = [("--car", self.car.is_some()), ("--import-profile", self.import_profile.is_some())];
        if let Some((flag, _)) = needless.iter().find(|(_, given)| *given) {
            return Err(Failure::usage(format!("{name} is an archive already: remove {flag}")));
        }
        Ok(Commitment::of_car(&name, self.watched(ui, bytes)?)?)
    }

    /// Opens the file and reports read progress of `bytes`.
    fn watched(&self, ui: &Arc<Ui>, bytes: u64) -> Result<Watched<impl FnMut(usize) + use<>>, HostFailure> {
        let progress = ui.progress();
        let mut read = 0;
        let seen = move |count| {
            read += count as u64;
            progress(read, Some(bytes));
        };
        Ok(Watched { source: self.open()?, seen })
    }

    fn of_tree(&self, ui: &Arc<Ui>) -> Result<(Commitment, Cid), Failure> {
        let target = self.car.as_deref().map(|car| self.target(car)).transpose()?;
        let tree = HostTree::open(&self.path).map_err(|error| HostFailure::at("open", &self.path, error))?;
        let progress = ui.progress();
        let archive = Archive::of(Arc::new(tree), self.profile(), |bytes| progress(bytes, None))?;
        ui.done();
        let (total, progress) = (archive.block_bytes(), ui.progress());
        let written = |bytes| progress(bytes, Some(total));
        let piece = match target {
            None => archive.write(PieceWriter::new(io::sink()), written)?.finish()?.0,
            Some(target) => {
                let failed = |error| HostFailure::at("write", &target, error);
                // In the same directory, so that it can be renamed when complete.
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

    /// Path of the archive, which must not be inside its source.
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
                "--car {shown} would be inside {within}, its own source: write it elsewhere"
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

/// Reports the number of bytes read.
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

/// Rounded for people, and exactly.
fn size(bytes: u64) -> String {
    format!("{} bytes ({})", text::thousands(bytes), text::bytes(bytes))
}
