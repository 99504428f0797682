//! Where results go so that others can have them, behind one trait. Only results that stand are published, and what is
//! published is hashed again: it must be what the verdict was about.

mod ipfs;
mod local;

use std::path::{Path, PathBuf};

use bacalhau_runtime::{HostFailure, Publication, dirhash};

pub use ipfs::IpfsPublisher;
pub use local::LocalPublisher;

use crate::cas::unixfs::import::Profile;

/// Where the publishers of a node publish.
#[derive(Clone, Debug, Default)]
pub struct PublishPlaces {
    /// How results are cut into blocks.
    pub profile: Profile,
    /// Directory of the publisher `local`.
    pub dir: PathBuf,
    /// URL at which that directory is served, if it is.
    pub url: Option<String>,
    /// Multiaddrs at which the block store is served, if it is.
    pub peers: Vec<String>,
}

/// Somebody who makes results available.
pub trait Publisher {
    /// Publishes the results directory at `results`, whose hash is `h1`, and says where it can be had.
    ///
    /// # Errors
    /// When the directory is another one by now, or the host fails; nothing is published then.
    fn publish(&self, results: &Path, h1: &str) -> Result<Publication, HostFailure>;
}

/// Checks that the directory at `results` has the hash `h1`.
///
/// # Errors
/// When it has another one, or cannot be read.
pub(crate) fn check(results: &Path, h1: &str) -> Result<(), HostFailure> {
    let found = dirhash::hash_dir(results, "results")
        .map_err(|error| HostFailure::new(format!("cannot hash {}: {error}", results.display())))?;
    if found.h1 == h1 {
        return Ok(());
    }
    let was = results.display();
    Err(HostFailure::new(format!("{was} was to be published with the hash {h1}, but has {}: nothing was", found.h1)))
}
