//! Results as a DAG of the node's own store, and that as an archive: what publishers have in common whose results others
//! fetch by CID.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use bacalhau_runtime::{HostFailure, HostTree};

use super::check;
use crate::cas::store::{Hold, Store};
use crate::cas::unixfs::export;
use crate::cas::unixfs::import::{Profile, import};
use crate::cas::{Block, Blocks, Cid, DataError};

/// Imports the results at `results`, which have the hash `h1`, and pins them. Says their root.
///
/// # Errors
/// When they are others by now, or the store fails; nothing is pinned then.
pub(super) fn keep(store: &Arc<Store>, profile: Profile, results: &Path, h1: &str) -> Result<Cid, HostFailure> {
    let failed = |error: DataError| HostFailure::new(format!("cannot publish {}: {error}", results.display()));
    let (cid, hold) = put(store, profile, results).map_err(failed)?;
    // After the import: what is in the store now is what was hashed, or the hash is another one.
    check(results, h1)?;
    store.pin_for_good(&cid, "results").map_err(failed)?;
    drop(hold);
    Ok(cid)
}

/// Imports the results. They stay as long as the hold does.
fn put(store: &Arc<Store>, profile: Profile, results: &Path) -> Result<(Cid, Hold), DataError> {
    let tree = HostTree::open(results).map_err(|error| DataError::io(format!("open {}", results.display()), error))?;
    let writer = store.writer();
    let imported = import(&tree, profile, &mut |block: Block| writer.write(&block))?;
    // Held first: what is finished and not held may go.
    let hold = store.hold(&imported.cid)?;
    writer.finish()?;
    Ok((imported.cid, hold))
}

/// Has `send` send an archive of the DAG below `root` while it is written. Nothing of it is held in memory.
///
/// # Errors
/// What `send` says, or why the archive could not be written.
pub(super) fn archive<T, E: From<DataError>>(
    store: &Arc<Store>,
    root: &Cid,
    send: impl FnOnce(io::PipeReader) -> Result<T, E>,
) -> Result<T, E> {
    let (reader, writer) = io::pipe().map_err(|error| DataError::io("make a pipe", error))?;
    let blocks: Arc<dyn Blocks> = Arc::clone(store) as _;
    thread::scope(|scope| {
        let writing = scope.spawn(move || export(blocks, root, writer));
        // The reading end of the pipe closes when this is over, which ends the writer.
        let sent = send(reader);
        // What went wrong while it was written explains why it was not taken, unless the other side hung up.
        let written = writing.join().unwrap_or_else(|_| Err(DataError::malformed("an archive", "it broke off")));
        match (sent, written) {
            (Ok(answer), written) => written.map(|()| answer).map_err(E::from),
            (Err(error), _) => Err(error),
        }
    })
}
