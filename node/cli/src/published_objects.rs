//! Results that the publisher `s3` made objects of, fetched with the credentials of the user.

use std::path::Path;
use std::time::Duration;

use super::empty_directories;
use bacalhau_cas::unixfs::Unpack;
use bacalhau_objects::{ObjectError, ObjectStores, ObjectUrl};
use bacalhau_publisher::directories;
use bacalhau_runtime::HostFailure;
use bacalhau_storage::read_file;

/// Fetches the objects below `url` into `results`, within `bounds`, and creates the empty directories that are listed beside
/// them.
///
/// # Errors
/// When they cannot be fetched, are larger than `bounds`, or a file cannot be written.
pub(super) fn fetch(url: &ObjectUrl, results: &Path, bounds: Unpack, patience: Duration) -> Result<(), HostFailure> {
    let failed = |error: ObjectError| HostFailure::of(error.into());
    let stores = ObjectStores::new(patience);
    let max_entries = bounds.max_entries;
    let tree = stores.tree(url).map_err(failed)?;
    bounds.write(&*tree, results, &mut |_| ()).map_err(|error| HostFailure::of(error.into()))?;
    let Some(list) = url.parent().map(|base| base.join(directories::NAME)) else { return Ok(()) };
    let tree = match stores.tree(&list) {
        Err(error) if error.is_absent() => return Ok(()),
        tree => tree.map_err(failed)?,
    };
    let json = read_file(&*tree, empty_directories::MAX_BYTES)
        .map_err(|error| HostFailure::io(format!("read {list}"), error))?;
    empty_directories::make(&json, results, max_entries, &list)
}
