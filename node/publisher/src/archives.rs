//! Archives of open publications with their piece commitments, in a directory that can be served unchanged: an archive
//! is at `piece/` and the CID of its piece while a publication needs it. Incomplete and private files have names with a leading dot, which are not served.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry, File};
use std::io::{self, BufWriter, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bacalhau_tree::{HostFailure, HostTree, Link};

use serde::{Deserialize, Serialize};

use crate::{Entry, Ledger};
use bacalhau_cas::{
    DataError,
    piece::{Commitment, PieceWriter},
    unixfs::import::{Archive, Profile},
};
use bacalhau_files::temporary::{self, TempFile};

/// Directory of archives, on disk and in URLs.
pub(crate) const PIECE: &str = "piece";
const LOCK: &str = ".lock";
const DRAFT: &str = ".draft-";
/// Age after which draft files of earlier versions count as abandoned.
const OLDEST_DRAFT: Duration = Duration::from_hours(24);

/// An archive and its piece.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Piece {
    /// Archive of the results.
    pub car: PathBuf,
    /// Length of the archive in bytes.
    pub car_bytes: u64,
    /// CID of the results directory in it.
    pub root: Link,
    /// Piece commitment v1, used on the chain: `baga…`.
    pub v1: Link,
    /// Piece commitment v2, which includes the data length, used by markets: `bafkzci…`.
    pub v2: Link,
    /// Padded size in a sector in bytes, a power of two.
    pub padded_bytes: u64,
}

impl Piece {
    /// The piece and its sizes in words.
    pub(crate) fn describe(&self) -> String {
        format!("piece {} of {} bytes, in an archive of {}", self.v2, self.padded_bytes, self.car_bytes)
    }
}

/// The directory of archives of one publisher.
#[derive(Debug)]
pub(crate) struct Archives {
    dir: PathBuf,
    publisher: &'static str,
}

/// An archive that is not kept yet.
pub(crate) struct NewPiece {
    file: TempFile,
    root: Link,
    commitment: Commitment,
}

impl NewPiece {
    /// Length of the archive in bytes.
    pub(crate) fn car_bytes(&self) -> u64 {
        self.commitment.payload_size()
    }
}

impl Archives {
    /// The archives of `publisher` in `dir`, which is created if absent.
    pub(crate) fn open(dir: &Path, publisher: &'static str) -> Result<Self, HostFailure> {
        // Absolute, because publications store these paths and may continue from another directory.
        let dir = std::path::absolute(dir).map_err(|error| HostFailure::at("find", dir, error))?;
        let pieces = dir.join(PIECE);
        fs::create_dir_all(&pieces).map_err(|error| HostFailure::at("create the directory", &pieces, error))?;
        Ok(Self { dir, publisher })
    }

    /// The directory to serve.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes the directory `results` as an archive, padded with zeros to at least `least` bytes, and computes its
    /// commitment.
    pub(crate) fn import(&self, results: &Path, profile: Profile, least: u64) -> Result<NewPiece, DataError> {
        let failed = |error| DataError::io(format!("write an archive in {}", self.dir.display()), error);
        let tree =
            HostTree::open(results).map_err(|error| DataError::io(format!("open {}", results.display()), error))?;
        let file = temporary::file_in(&self.dir).map_err(failed)?;
        let archive = Archive::of(Arc::new(tree), profile, |_| ())?;
        let writer = PieceWriter::new(BufWriter::new(file.as_file()));
        let mut writer = archive.write(writer, |_| ())?;
        let written = writer.payload_size();
        io::copy(&mut io::repeat(0).take(least.saturating_sub(written)), &mut writer).map_err(failed)?;
        let (commitment, sink) = writer.finish()?;
        drop(sink);
        file.as_file().sync_all().map_err(failed)?;
        Ok(NewPiece { file, root: Link::from(archive.imported().cid), commitment })
    }

    /// Keeps `new`, and calls `note` to record its use in the ledger, under a lock, so that no sweep removes it in
    /// between.
    pub(crate) fn keep<T>(
        &self,
        new: NewPiece,
        note: impl FnOnce(Piece) -> Result<T, HostFailure>,
    ) -> Result<T, HostFailure> {
        let lock = self.lock()?;
        let NewPiece { file, root, commitment } = new;
        let v2 = commitment.cid_v2();
        let car = self.dir.join(PIECE).join(v2.to_string());
        let failed = |error: io::Error| HostFailure::at("write", &car, error);
        // Another user's process may serve it.
        file.as_file().set_permissions(readable()).map_err(failed)?;
        file.persist(&car).map_err(failed)?;
        File::open(self.dir.join(PIECE)).and_then(|dir| dir.sync_all()).map_err(failed)?;
        let noted = note(Piece {
            car_bytes: commitment.payload_size(),
            root,
            v1: Link::from(commitment.cid_v1()),
            v2: Link::from(v2),
            padded_bytes: commitment.padded_size(),
            car,
        });
        drop(lock);
        noted
    }

    /// Removes archives without an entry in `ledger`; the entry `over` does not count.
    pub(crate) fn sweep(&self, ledger: &Ledger, over: Option<&str>) -> Result<(), HostFailure> {
        let _lock = self.lock()?;
        let mut needed = BTreeSet::new();
        let listing = ledger.entries()?;
        if !listing.damaged.is_empty() {
            // The unreadable entry may need an archive.
            return Ok(());
        }
        for entry in listing.entries.iter().filter(|entry| !entry.ended && over != Some(&entry.name())) {
            if let Some(piece) = entry.state.piece().filter(|_| entry.state.publisher() == self.publisher) {
                needed.extend(piece.car.file_name().map(ToOwned::to_owned));
            }
        }
        let is_over = |file: &DirEntry| !needed.contains(&file.file_name());
        remove(&self.dir.join(PIECE), is_over)?;
        temporary::sweep(&self.dir);
        let is_old = |time| SystemTime::now().duration_since(time).is_ok_and(|age| age > OLDEST_DRAFT);
        remove(&self.dir, |file| {
            let is_draft = file.file_name().as_encoded_bytes().starts_with(DRAFT.as_bytes());
            is_draft && file.metadata().and_then(|metadata| metadata.modified()).is_ok_and(is_old)
        })
    }

    /// Removes archives that are not needed any more after the end of `over`. A failure is logged: the next sweep repeats it.
    pub(crate) fn sweep_after(&self, ledger: &Ledger, over: &Entry) {
        if let Err(error) = self.sweep(ledger, Some(&over.name())) {
            tracing::warn!("the archive of an ended publication was not removed: {error}");
        }
    }

    /// An exclusive lock among all processes.
    fn lock(&self) -> Result<File, HostFailure> {
        let path = self.dir.join(LOCK);
        let failed = |error| HostFailure::at("lock", &path, error);
        let file = File::create(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(file)
    }
}

/// Removes matching files of a directory.
fn remove(dir: &Path, is_over: impl Fn(&DirEntry) -> bool) -> Result<(), HostFailure> {
    let failed = |error| HostFailure::at("remove old files from", dir, error);
    for file in fs::read_dir(dir).map_err(failed)? {
        let file = file.map_err(failed)?;
        if is_over(&file) {
            fs::remove_file(file.path()).map_err(failed)?;
        }
    }
    Ok(())
}

fn readable() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o644)
}
