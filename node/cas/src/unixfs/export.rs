//! Exports a DAG as an archive, in traversal order, from any source of blocks to any sink.

use std::io::Write;
use std::sync::Arc;

use super::{Bounds, Scope, Walk};
use crate::car::CarWriter;
use crate::{Block, BlockSource, Cid, DataError};

/// Writes the archive of all that is below `root` to `out`.
///
/// # Errors
/// When a block cannot be had, the DAG is beyond the default bounds, or `out` takes no more.
pub fn export(blocks: Arc<dyn BlockSource>, root: &Cid, out: impl Write) -> Result<(), DataError> {
    let failed = |error| DataError::io("write an archive", error);
    let mut car = CarWriter::new(out, &[*root]).map_err(failed)?;
    for block in Walk::new(blocks, root, Scope::All, Bounds::default()) {
        let (cid, bytes) = block?;
        car.write(&Block::checked(cid, bytes)).map_err(failed)?;
    }
    car.finish().map(drop).map_err(failed)
}
