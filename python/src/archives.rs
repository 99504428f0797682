//! Archives of blocks (CARs): data that is uploaded, and results that were fetched.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bacalhau_cas::car::CarFile;
use bacalhau_cas::unixfs::import::{Archive, Profile};
use bacalhau_cas::unixfs::{DagTree, Unpack};
use bacalhau_cas::{Cid, DataError};
use bacalhau_receipt::Receipt;
use bacalhau_tree::{HostTree, Tree};
use pyo3::prelude::*;

use crate::errors::Class;
use crate::receipts::receipt_of;

#[pyfunction]
pub(crate) fn pack(py: Python<'_>, path: PathBuf, archive: PathBuf) -> PyResult<String> {
    py.detach(move || written(&path, &archive)).map(|root| root.to_string()).map_err(|error| Class::Host.of(&error))
}

fn written(path: &Path, target: &Path) -> Result<Cid, DataError> {
    let failed = |what: &str, path: &Path| format!("{what} {}", path.display());
    let tree = HostTree::open(path).map_err(|error| DataError::io(failed("open", path), error))?;
    let archive = Archive::of(Arc::new(tree), Profile::default(), |_| ())?;
    let file = File::create(target).map_err(|error| DataError::io(failed("write", target), error))?;
    let writer = archive.write(BufWriter::new(file), |_| ())?;
    writer.into_inner().map_err(|error| DataError::io(failed("write", target), error.into_error()))?;
    Ok(archive.imported().cid)
}

#[pyfunction]
pub(crate) fn unpack(
    py: Python<'_>,
    archive: PathBuf,
    index: PathBuf,
    target: PathBuf,
    receipt: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let bounds = bounds_of(&receipt_of(receipt)?);
    py.detach(move || {
        let car = CarFile::open(&archive, &index)?;
        bounds.write(&*only_root(car)?, &target, &mut |_| ())
    })
    .map(drop)
    .map_err(|error| Class::Verification.of(&error))
}

/// The tree below the only root of an archive.
pub(crate) fn only_root(car: CarFile) -> Result<Arc<dyn Tree>, DataError> {
    let [root] = car.roots() else {
        return Err(DataError::malformed("the archive", "it does not have exactly one root"));
    };
    let root = *root;
    Ok(Arc::new(DagTree::open(Arc::new(car), &root, "")?))
}

/// Maximum size of the results of `receipt`.
fn bounds_of(receipt: &Receipt) -> Unpack {
    let files = &receipt.claim.files;
    let most = Unpack::default();
    let names: usize = files.iter().map(|file| file.name.split('/').count()).sum();
    Unpack {
        max_bytes: files.iter().fold(0, |sum: u64, file| sum.saturating_add(file.bytes)).min(most.max_bytes),
        // Empty directories are not in the list of files.
        max_entries: (names as u64).saturating_add(receipt.claim.job.limits.output_files).min(most.max_entries),
        ..most
    }
}
