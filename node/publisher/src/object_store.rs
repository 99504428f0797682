//! Publishes results as objects below a prefix of the operator's, named by hash as the publisher `local` does.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use bacalhau_objects::{ObjectStores, ObjectUrl};
use bacalhau_receipt::Publication;
use bacalhau_tree::HostFailure;

use super::local::name_of;
use super::{Finished, Publisher, check, directories};

/// The publisher `s3`.
#[derive(Debug)]
pub struct ObjectPublisher {
    stores: Arc<ObjectStores>,
    prefix: ObjectUrl,
}

impl ObjectPublisher {
    /// Publishes below `prefix`, with the credentials of the process.
    pub fn new(stores: Arc<ObjectStores>, prefix: ObjectUrl) -> Self {
        Self { stores, prefix }
    }

    fn put(&self, results: &Path, h1: &str) -> Result<ObjectUrl, HostFailure> {
        let files = check(results, h1)?;
        let empty = directories::published(results)?;
        let base = self.prefix.join(&name_of(h1, empty.as_deref())?);
        let target = base.join("results");
        for file in &files {
            let name = std::str::from_utf8(&file.name)
                .map_err(|_| HostFailure::new(format!("the name {} is not UTF-8", file.name.escape_ascii())))?;
            let path = results.join(name);
            let mut data = File::open(&path).map_err(|error| HostFailure::at("open", &path, error))?;
            self.stores.put(&target.join(name), &mut data).map_err(|error| HostFailure::of(error.into()))?;
        }
        if let Some(empty) = empty {
            let list = base.join(directories::NAME);
            self.stores.put(&list, &mut &empty[..]).map_err(|error| HostFailure::of(error.into()))?;
        }
        // What was sent is what was voted on, unless the directory changed meanwhile.
        check(results, h1)?;
        Ok(target)
    }
}

impl Publisher for ObjectPublisher {
    fn publish(&self, results: &Finished<'_>) -> Result<Publication, HostFailure> {
        let place = self.put(results.dir, results.h1)?;
        Ok(Publication { publisher: "s3".into(), places: vec![place.to_string()], ..Publication::default() })
    }
}
