//! Results as a DAG in the node's store, and as an archive of it, for publishers whose results are fetched by CID.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use bacalhau_tree::{HostFailure, HostTree};

use super::check;
use bacalhau_cas::{
    Block, BlockSource, Cid, DataError,
    store::{GcLease, Store},
    unixfs::export,
    unixfs::import::{Profile, import},
};

/// Imports the results at `results` with the hash `h1`, pins them, and returns their root.
///
/// # Errors
/// When they have changed, or the store fails; nothing is pinned then.
pub(super) fn keep(store: &Arc<Store>, profile: Profile, results: &Path, h1: &str) -> Result<Cid, HostFailure> {
    let failed = |error: DataError| HostFailure::new(format!("cannot publish {}: {error}", results.display()));
    let (cid, hold) = put(store, profile, results).map_err(failed)?;
    // Hashed after the import, so the store contains what was hashed, or the hash differs.
    check(results, h1)?;
    store.pin_for_good(&cid, "results").map_err(failed)?;
    drop(hold);
    Ok(cid)
}

/// Imports the results. The lease protects them from eviction.
fn put(store: &Arc<Store>, profile: Profile, results: &Path) -> Result<(Cid, GcLease), DataError> {
    let tree = HostTree::open(results).map_err(|error| DataError::io(format!("open {}", results.display()), error))?;
    let writer = store.writer();
    let imported = import(&tree, profile, &mut |block: Block| writer.write(&block))?;
    // Taken first, because finished blocks without a lease may be evicted.
    let hold = store.hold(&imported.cid)?;
    writer.finish()?;
    Ok((imported.cid, hold))
}

/// Streams an archive of the DAG below `root` to `send` while it is written.
///
/// # Errors
/// The error of `send`, or why the archive could not be written.
pub(super) fn archive<T, E: From<DataError>>(
    store: &Arc<Store>,
    root: &Cid,
    send: impl FnOnce(io::PipeReader) -> Result<T, E>,
) -> Result<T, E> {
    let (reader, writer) = io::pipe().map_err(|error| DataError::io("make a pipe", error))?;
    let blocks: Arc<dyn BlockSource> = Arc::clone(store) as _;
    thread::scope(|scope| {
        let writing = scope.spawn(move || export(blocks, root, writer));
        // The reading end of the pipe is closed at the end, which stops the writer.
        let sent = send(reader);
        // A write error is the cause of a failed transfer, unless the receiver closed the connection.
        let written = writing.join().unwrap_or_else(|_| {
            Err(DataError::malformed(
                "an archive",
                "the connection closed \
            early",
            ))
        });
        match (sent, written) {
            (Ok(answer), written) => written.map(|()| answer).map_err(E::from),
            (Err(error), _) => Err(error),
        }
    })
}
