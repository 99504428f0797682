//! PEM files: certificates and keys.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use bacalhau_tree::HostFailure;
use zeroize::Zeroizing;

/// Maximum size of a file in bytes. All CAs of the public web take less than half of it.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// The content of a file and its mode. `what` completes "cannot …".
///
/// # Errors
/// When it cannot be read, or is larger than 1 MiB.
pub fn read(what: &str, path: &Path) -> Result<(Zeroizing<Vec<u8>>, u32), HostFailure> {
    let failed = |error| HostFailure::at(what, path, error);
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.mode() & 0o777;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(wrong(path, "it is larger than 1 MiB"));
    }
    Ok((bytes, mode))
}

/// A failure about the content of a file.
pub fn wrong(path: &Path, why: &str) -> HostFailure {
    HostFailure::new(format!("{}: {why}", path.display()))
}
