//! What the node keeps of the pieces that it has read, in a directory for each: a layer of the tree, what the piece holds, and
//! the indexes of archives in it. All of it can be made again.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bacalhau_cas::piece::{Commitment, Layer};
use bacalhau_files::{private, temporary};
use bacalhau_tree::HostFailure;

use super::super::failed;
use super::contents::Contents;
use super::trim::{MAX_BYTES, trim};

/// Directory of all that is kept, in a data directory.
pub(super) const PIECE_TREES: &str = "piece_trees";
/// Directory below it, for copies that are trusted.
pub(super) const TRUSTED: &str = "trusted";
/// File of the layer.
const TREE: &str = "tree";
/// File of the contents.
const CONTENTS: &str = "contents.json";
/// Maximum size of the contents in bytes. A million segments with their roots fit.
const MAX_CONTENTS_BYTES: u64 = 512 << 20;

/// The directory of one piece.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    dir: PathBuf,
}

impl Kept {
    /// What is kept in `dir`. It is made when something is written.
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Makes the directory where it is missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn make(&self) -> Result<(), HostFailure> {
        private::create_dir_all(&self.dir).map_err(|error| HostFailure::at("create the directory", &self.dir, error))
    }

    /// The layer of `piece`, if it is there and undamaged.
    pub(super) fn layer(&self, piece: &Commitment) -> Option<Layer> {
        let layer = Layer::decode(&self.read(TREE, Layer::MAX_BYTES)?, piece)?;
        self.note_use();
        Some(layer)
    }

    /// Keeps the layer.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn put_layer(&self, layer: &Layer) -> Result<(), HostFailure> {
        self.write(TREE, &layer.encode())?;
        self.trim();
        Ok(())
    }

    /// What the piece holds, if that is known.
    pub(super) fn contents(&self) -> Option<Contents> {
        let contents = serde_json::from_slice(&self.read(CONTENTS, MAX_CONTENTS_BYTES)?).ok()?;
        self.note_use();
        Some(contents)
    }

    /// Keeps what the piece holds.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn put_contents(&self, contents: &Contents) -> Result<(), HostFailure> {
        let bytes = serde_json::to_vec(contents).map_err(|error| HostFailure::io("write JSON", error.into()))?;
        self.write(CONTENTS, &bytes)?;
        self.trim();
        Ok(())
    }

    /// Where the index of the archive at byte `offset` is.
    pub(super) fn index(&self, offset: u64) -> PathBuf {
        self.dir.join(format!("{offset}.idx"))
    }

    /// Removes everything.
    pub(super) fn forget(&self) {
        // What cannot be removed is reported when it is written anew.
        let _ = fs::remove_dir_all(&self.dir);
    }

    /// Sets the modification time of what is there, by which the longest unused is found.
    fn note_use(&self) {
        for name in [TREE, CONTENTS] {
            // Without it, this is removed earlier and made again.
            let _ = File::options()
                .append(true)
                .open(self.dir.join(name))
                .and_then(|file| file.set_modified(SystemTime::now()));
        }
    }

    /// Removes what was not used for the longest time, where all together is too large.
    fn trim(&self) {
        if let Some(trees) = self.dir.ancestors().find(|dir| dir.ends_with(PIECE_TREES)) {
            trim(&[trees.join(TRUSTED), trees.to_path_buf()], &[TREE, CONTENTS], MAX_BYTES, SystemTime::now());
        }
    }

    fn read(&self, name: &str, max_bytes: u64) -> Option<Vec<u8>> {
        let path = self.dir.join(name);
        let is_small = fs::metadata(&path).ok()?.len() <= max_bytes;
        is_small.then(|| fs::read(path).ok()).flatten()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), HostFailure> {
        self.make()?;
        let path = self.dir.join(name);
        let put = || -> io::Result<()> {
            let mut spool = temporary::file_in(&self.dir)?;
            spool.write_all(bytes)?;
            spool.persist(&path)
        };
        put().map_err(|error| HostFailure::at("write", &path, error))
    }
}

/// The layer of `piece` that the file at `path` has, or why it is another one. `known` is the layer of the piece, if there is
/// one.
///
/// # Errors
/// When it cannot be read.
pub(super) fn layer_of(
    path: &Path,
    piece: &Commitment,
    known: Option<&Layer>,
) -> Result<Result<Layer, String>, HostFailure> {
    let file = File::open(path).map_err(|error| HostFailure::at("open", path, error))?;
    let layer = Layer::read(&path.display().to_string(), file, piece).map_err(failed)?;
    if layer.is_of(piece) {
        return Ok(Ok(layer));
    }
    let size = piece.payload_size();
    let found = Commitment::new(layer.root(), piece.height(), size);
    let found = found.map_or_else(|error| error.to_string(), |found| found.cid_v2().to_string());
    let first = known.and_then(|known| known.first_difference(&layer)).map_or_else(String::new, |part| {
        let begin = part * layer.part_bytes();
        format!("; bytes {begin} to {} are the first that differ", (begin + layer.part_bytes()).min(size))
    });
    Ok(Err(format!("its bytes 0 to {size} are the piece {found}{first}")))
}
