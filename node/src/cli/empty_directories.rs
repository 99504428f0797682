//! The empty directories of results that were published as files behind HTTP: fetched as the list beside the results.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use bacalhau_runtime::HostFailure;
use url::Url;

use crate::http::{Client, Paced, Reach, Terms};
use crate::publisher::directories;

/// The largest list that is read.
const MAX_BYTES: u64 = 64 << 20;
/// What servers answer where nothing is.
const MISSING: [u16; 3] = [403, 404, 410];

/// Makes below `results` the empty directories of the results at `base`, a URL that ends in a slash. Where there is no list,
/// there are none, or an earlier version has published the results.
///
/// # Errors
/// When the list cannot be fetched or is not one, or a directory cannot be made.
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
    let mut body = Paced::new(answer.into_body(), patience).take(MAX_BYTES + 1);
    body.read_to_end(&mut json).map_err(|error| failed(&url, &error))?;
    if json.len() as u64 > MAX_BYTES {
        return Err(failed(&url, &format!("it is larger than {MAX_BYTES} bytes")));
    }
    directories::make(&json, results, max_entries)
        .map_err(|error| HostFailure::new(format!("cannot make the empty directories of {url}: {error}")))
}
