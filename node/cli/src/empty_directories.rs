//! Recreates empty directories of results that were published as files, from the list published beside the
//! results.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use bacalhau_runtime::HostFailure;
use url::Url;

use bacalhau_http::{Client, MinRateBody, Reach, Terms};
use bacalhau_publisher::directories;

/// Maximum size of the list in bytes.
pub(super) const MAX_BYTES: u64 = 64 << 20;
/// HTTP statuses of servers for a missing file.
const MISSING: [u16; 3] = [403, 404, 410];

/// Creates the empty directories of the results at `base`, a URL that ends in a slash, below `results`. Without a list,
/// there are none, or an earlier version published the results.
///
/// # Errors
/// When the list cannot be fetched or is invalid, or a directory cannot be created.
pub(super) fn fetch(
    base: &Url,
    results: &Path,
    max_entries: u64,
    reach: Reach,
    patience: Duration,
) -> Result<(), HostFailure> {
    let failed = |url: &Url, why: &dyn std::fmt::Display| HostFailure::new(format!("cannot fetch {url}: {why}"));
    let url = base.join(&format!("../{}", directories::NAME)).map_err(|error| failed(base, &error))?;
    let client = Client::new(Terms { reach, patience, total: None, idle_connections: 1 });
    let answer = match client.get(&url, &[]) {
        Err(error) if error.status().is_some_and(|status| MISSING.contains(&status.as_u16())) => return Ok(()),
        answer => answer.map_err(|error| failed(&url, &error))?,
    };
    let mut json = Vec::new();
    let mut body = MinRateBody::new(answer.into_body(), patience).take(MAX_BYTES + 1);
    body.read_to_end(&mut json).map_err(|error| failed(&url, &error))?;
    if json.len() as u64 > MAX_BYTES {
        return Err(failed(&url, &format!("it is larger than {MAX_BYTES} bytes")));
    }
    make(&json, results, max_entries, &url)
}

/// Creates the directories of the list `json`, which is at `place`, below `results`.
///
/// # Errors
/// When the list is invalid, or a directory cannot be created.
pub(super) fn make(
    json: &[u8],
    results: &Path,
    max_entries: u64,
    place: &dyn std::fmt::Display,
) -> Result<(), HostFailure> {
    directories::make(json, results, max_entries)
        .map_err(|error| HostFailure::new(format!("cannot create the empty directories of {place}: {error}")))
}
