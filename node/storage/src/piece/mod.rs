//! Pieces of Filecoin by their CID: as files of this machine (`copies`) or of a provider (`urls`). `contents` finds out what a
//! piece holds, and `reading` makes the tree: the DAG of an archive, a file, or the segments of an aggregate.

mod aggregate;
mod contents;
mod copies;
mod kept;
mod numbers;
mod range;
mod ranges;
mod raw_file;
mod reading;
mod trim;
mod urls;

use bacalhau_cas::piece::Commitment;
use bacalhau_tree::HostFailure;

use super::{CidSource, Opened, Source, Storage, foreign};

pub use copies::PieceCopies;
pub use numbers::PieceNumbers;
pub use urls::PieceUrls;

/// The storage of pieces of a node that is told of no place.
#[derive(Debug)]
pub(super) struct NoPieces;

impl Storage for NoPieces {
    fn name(&self) -> &'static str {
        "piece"
    }

    fn has_locally(&self, _source: &Source) -> Result<bool, HostFailure> {
        Ok(false)
    }

    fn size(&self, source: &Source) -> Result<Option<u64>, HostFailure> {
        Ok(Some(piece_of(source)?.1.payload_size()))
    }

    fn open(&self, _source: &Source) -> Result<Opened, HostFailure> {
        Err(HostFailure::new("no place of pieces is configured: name one with --piece-path or --piece-url"))
    }
}

/// The piece that `source` names.
///
/// # Errors
/// When it names something else.
fn piece_of(source: &Source) -> Result<(&CidSource, Commitment), HostFailure> {
    let cid = source.cid("pieces")?;
    cid.piece().map(|piece| (cid, piece)).ok_or_else(|| foreign(source, "pieces"))
}
