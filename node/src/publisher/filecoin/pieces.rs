//! The archives of deals that are under way, in a directory that can be served as it is: an archive is at `piece/` and the
//! CID of its piece, and is there as long as a deal needs it. What is not finished, and what is not for others, has a
//! name with a dot before it, which is not served.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry, File};
use std::io::{self, BufWriter, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bacalhau_runtime::{HostFailure, HostTree, Link};

use super::Piece;
use crate::cas::DataError;
use crate::cas::piece::{Commitment, PieceWriter};
use crate::cas::unixfs::import::{Archive, Profile};
use crate::publisher::{Ledger, Matter};
use crate::temporary::{self, TempFile};

/// Where archives are in the directory, and in URLs.
pub(super) const PIECE: &str = "piece";
const LOCK: &str = ".lock";
const DRAFT: &str = ".draft-";
/// Earlier versions wrote archives under such names. Nobody writes at one for so long without a break.
const OLDEST_DRAFT: Duration = Duration::from_hours(24);

/// The directory.
#[derive(Debug)]
pub(super) struct Pieces {
    dir: PathBuf,
}

/// An archive that is written, and is not kept yet.
pub(super) struct Draft {
    file: TempFile,
    root: Link,
    commitment: Commitment,
}

impl Pieces {
    /// The archives in `dir`, an existing or new directory.
    pub(super) fn open(dir: &Path) -> Result<Self, HostFailure> {
        // Deals name their archives, and are perhaps gone on with from another directory.
        let dir = std::path::absolute(dir).map_err(|error| HostFailure::at("find", dir, error))?;
        let pieces = dir.join(PIECE);
        fs::create_dir_all(&pieces).map_err(|error| HostFailure::at("make the directory", &pieces, error))?;
        Ok(Self { dir })
    }

    /// What is to be served, if anything is.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes the directory `results` as an archive of at least `least` bytes, by zeros behind it, and commits to it meanwhile.
    pub(super) fn draft(&self, results: &Path, profile: Profile, least: u64) -> Result<Draft, DataError> {
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
        Ok(Draft { file, root: Link::from(archive.imported().cid), commitment })
    }

    /// Keeps `draft`, and has `note` say in the ledger what needs it: between the two, nobody takes it for what is over.
    pub(super) fn keep<T>(
        &self,
        draft: Draft,
        note: impl FnOnce(Piece) -> Result<T, HostFailure>,
    ) -> Result<T, HostFailure> {
        let lock = self.lock()?;
        let Draft { file, root, commitment } = draft;
        let v2 = commitment.cid_v2();
        let car = self.dir.join(PIECE).join(v2.to_string());
        let failed = |error: io::Error| HostFailure::at("write", &car, error);
        // Whoever serves it is perhaps somebody else.
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

    /// Removes archives that no entry of `ledger` needs; that with the name `over` needs none any more.
    pub(super) fn sweep(&self, ledger: &Ledger, over: Option<&str>) -> Result<(), HostFailure> {
        let _lock = self.lock()?;
        let mut needed = BTreeSet::new();
        let listing = ledger.entries()?;
        if !listing.damaged.is_empty() {
            // Perhaps it is one of those that need an archive.
            return Ok(());
        }
        for entry in listing.entries.iter().filter(|entry| !entry.ended && over != Some(&entry.name())) {
            if let Matter::Filecoin(deal) = &entry.matter {
                needed.extend(deal.piece.car.file_name().map(ToOwned::to_owned));
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

    /// Alone among all processes, until it is dropped.
    fn lock(&self) -> Result<File, HostFailure> {
        let path = self.dir.join(LOCK);
        let failed = |error| HostFailure::at("lock", &path, error);
        let file = File::create(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(file)
    }
}

/// Removes files of a directory.
fn remove(dir: &Path, is_over: impl Fn(&DirEntry) -> bool) -> Result<(), HostFailure> {
    let failed = |error| HostFailure::at("remove what is over from", dir, error);
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
