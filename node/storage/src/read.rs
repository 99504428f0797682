//! What is done with opened data by everybody who runs something: whole small files as bytes, and the inputs of a run
//! with what a receipt remembers of where they came from.

use std::collections::BTreeMap;
use std::io;

use bacalhau_runtime::{Inputs, Tree, Unclaimed};

use super::{Opened, Services, Source};

/// Inputs that are open: what a run reads, and what a receipt remembers of where it came from.
#[derive(Debug, Default)]
pub struct OpenInputs {
    /// By guest path.
    pub trees: Inputs,
    sources: BTreeMap<String, String>,
    services: BTreeMap<String, Services>,
}

impl OpenInputs {
    /// Adds what was opened from `source`, to be seen at `target`.
    pub fn insert(&mut self, target: String, source: &Source, opened: Opened) {
        self.trees.insert(target.clone(), opened.tree);
        self.sources.insert(target.clone(), source.recorded());
        self.services.insert(target, opened.services);
    }

    /// Adds what `other` has.
    pub fn extend(&mut self, other: Self) {
        self.trees.extend(other.trees);
        self.sources.extend(other.sources);
        self.services.extend(other.services);
    }

    /// Writes down where everything came from.
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
