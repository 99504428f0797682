//! Helpers for opened data: small files as bytes, and the inputs of a run with the sources that a receipt records.

use std::collections::BTreeMap;
use std::io;

use bacalhau_receipt::Unclaimed;
use bacalhau_tree::{Inputs, Tree};

use super::{Opened, Services, Source};

/// Open inputs: trees, and their sources for the receipt.
#[derive(Debug, Default)]
pub struct OpenInputs {
    /// Trees by guest path.
    pub trees: Inputs,
    sources: BTreeMap<String, String>,
    services: BTreeMap<String, Services>,
}

impl OpenInputs {
    /// Adds data opened from `source` at the guest path `target`.
    pub fn insert(&mut self, target: String, source: &Source, opened: Opened) {
        self.trees.insert(target.clone(), opened.tree);
        self.sources.insert(target.clone(), source.recorded());
        self.services.insert(target, opened.services);
    }

    /// Adds the inputs of `other`.
    pub fn extend(&mut self, other: Self) {
        self.trees.extend(other.trees);
        self.sources.extend(other.sources);
        self.services.extend(other.services);
    }

    /// Records all sources.
    pub fn record(&self, unclaimed: &mut Unclaimed) {
        unclaimed.input_sources.clone_from(&self.sources);
        unclaimed.input_services =
            self.services.iter().map(|(target, services)| (target.clone(), services.list())).collect();
    }
}

/// All of the file that `tree` is, which must not have more than `max_bytes`.
///
/// # Errors
/// When it is larger, or cannot be read.
pub fn read_file(tree: &dyn Tree, max_bytes: u64) -> io::Result<Vec<u8>> {
    let size = tree.stat("")?.size;
    if size > max_bytes {
        return Err(io::Error::other(format!("it has {size} bytes, and {max_bytes} are allowed")));
    }
    let mut bytes = vec![0; usize::try_from(size).map_err(io::Error::other)?];
    let read = tree.open("")?.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}
