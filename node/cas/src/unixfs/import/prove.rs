//! Proves whether a tree is the data of a CID: by the hash of plain bytes, by its locally available blocks, or by
//! importing it with every known profile that could yield the CID.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use bacalhau_tree::{Kind, ReadAt, Tree};
use cid::Version;

use super::{Block, Profile, import};
use crate::unixfs::compare::{Compared, compare, kind};
use crate::{BlockSource, Cid, Code, DataError, RAW, SHA2_256, can_check, canonical, hash_all};

/// How a tree was proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The file has the hash of the CID, which is that of plain bytes.
    Hash,
    /// All blocks are available and equal.
    BlockSource,
    /// Imported by this profile, it has the CID.
    Profile(Profile),
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hash => f.pad("its hash"),
            Self::BlockSource => f.pad("its blocks"),
            Self::Profile(profile) => profile.fmt(f),
        }
    }
}

/// Result for a tree that is claimed to be the data of a CID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is the data.
    Proved(Proof),
    /// It is not the data; with the difference.
    Disproved(String),
    /// Unknown: it is other data, or was imported by an unknown profile.
    Open,
}

/// Checks whether `tree` is the data of `cid`.
///
/// - A CID of plain bytes (`raw`) is the hash of a file: a tree either matches or not.
/// - A CID of a `dag-pb` node is the hash of a block of a cut tree. A tree from which a known profile makes that block
///   is proved. Otherwise it may have been cut in an unknown way; it is disproved only by blocks that `blocks` has (or
///   that the CID contains): another kind, other names, another length, other bytes.
///
/// Reads the tree once for its available blocks, and once for each profile to try.
///
/// # Errors
/// When the tree cannot be read, or the CID has an unsupported codec.
pub fn prove(tree: &dyn Tree, cid: &Cid, blocks: Arc<dyn BlockSource>) -> Result<Finding, DataError> {
    let stat = tree.stat("").map_err(|error| DataError::io(format!("look at the copy of {cid}"), error))?;
    match Code::of(cid)? {
        Code::Raw => {
            disproved_by_kind(stat.kind, cid).map_or_else(|| prove_file(tree, cid), |why| Ok(Finding::Disproved(why)))
        }
        Code::DagPb => match compare(tree, cid, blocks)? {
            Compared::Equal => Ok(Finding::Proved(Proof::BlockSource)),
            Compared::Differs(why) => Ok(Finding::Disproved(why)),
            Compared::Open if cid.hash().code() != SHA2_256 => Ok(Finding::Open),
            Compared::Open => by_profiles(tree, cid),
        },
    }
}

/// Why an entry of the kind `found` cannot be the data of `cid`; `None` if the kind does not decide.
pub fn disproved_by_kind(found: Kind, cid: &Cid) -> Option<String> {
    let is_other = cid.codec() == RAW && found != Kind::File;
    is_other.then(|| format!("it is {}, but the CID is that of a file's bytes", kind(found)))
}

fn by_profiles(tree: &dyn Tree, cid: &Cid) -> Result<Finding, DataError> {
    let stat = tree.stat("").map_err(|error| DataError::io(format!("look at the copy of {cid}"), error))?;
    // A file of one plain chunk has the CID of a raw block.
    let plain = |profile: Profile| {
        let layout = profile.layout();
        layout.raw_leaves && stat.kind == Kind::File && stat.size <= layout.chunk_bytes as u64
    };
    // Only this profile uses version 0, but its CIDs may be written in version 1.
    let other_version = |profile: Profile| cid.version() == Version::V0 && profile.layout().cid_version == Version::V1;
    for profile in Profile::ALL {
        if plain(profile) || other_version(profile) {
            continue;
        }
        let imported = import(tree, profile, &mut |_: Block| Ok(()))?;
        if canonical(&imported.cid) == canonical(cid) {
            return Ok(Finding::Proved(Proof::Profile(profile)));
        }
    }
    Ok(Finding::Open)
}

/// By the hash of its bytes, for any length.
fn prove_file(tree: &dyn Tree, cid: &Cid) -> Result<Finding, DataError> {
    can_check(cid)?;
    let failed = |error| DataError::io(format!("read the copy of {cid}"), error);
    let mut bytes = Bytes { file: tree.open("").map_err(failed)?, offset: 0 };
    let hash = hash_all(cid.hash().code(), &mut bytes).map_err(failed)?;
    match hash {
        Some(hash) if hash == *cid.hash() => Ok(Finding::Proved(Proof::Hash)),
        Some(hash) => {
            let (size, found) = (bytes.offset, Cid::new_v1(cid.codec(), hash));
            Ok(Finding::Disproved(format!("it is a file of {size} bytes with the CID {found}")))
        }
        // More bytes than a CID can hold.
        None => Ok(Finding::Disproved("it is a file of more bytes than the CID holds".into())),
    }
}

/// A file from its beginning to its end.
struct Bytes {
    file: Box<dyn ReadAt>,
    offset: u64,
}

impl Read for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}
