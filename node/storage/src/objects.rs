//! Objects of object stores, listed when they are opened and read by ranges.

use std::sync::Arc;
use std::time::Duration;

use bacalhau_objects::{AllowedObjects, ObjectError, ObjectStores, ObjectUrl};
use bacalhau_receipt::Checked;
use bacalhau_tree::HostFailure;

use super::{Opened, Source, Storage, foreign};

/// The storage of [`Source::Object`].
#[derive(Clone, Debug)]
pub(super) struct ObjectStorage {
    stores: Arc<ObjectStores>,
    allowed: AllowedObjects,
}

impl ObjectStorage {
    /// The objects in `allowed`, of servers that are given up after a silence of `patience`.
    pub(super) fn new(allowed: AllowedObjects, patience: Duration) -> Self {
        Self { stores: Arc::new(ObjectStores::new(patience)), allowed }
    }

    /// The same with other `allowed` objects.
    pub(super) fn allowing(self, allowed: AllowedObjects) -> Self {
        Self { allowed, ..self }
    }

    /// The URL of `source`, if jobs may use it.
    pub(super) fn url<'s>(&self, source: &'s Source) -> Result<&'s ObjectUrl, HostFailure> {
        let Source::Object(url) = source else { return Err(foreign(source, "object stores")) };
        self.allowed.check(url)?;
        Ok(url)
    }
}

impl Storage for ObjectStorage {
    fn name(&self) -> &'static str {
        "object-store"
    }

    /// Whether it is there, for the prefixes that an operator allows: they are this node's data.
    fn has_locally(&self, source: &Source) -> Result<bool, HostFailure> {
        let url = self.url(source)?;
        Ok(self.allowed != AllowedObjects::All && self.stores.exists(url).map_err(failed)?)
    }

    fn size(&self, source: &Source) -> Result<Option<u64>, HostFailure> {
        self.stores.size(self.url(source)?).map(Some).map_err(failed)
    }

    fn open(&self, source: &Source) -> Result<Opened, HostFailure> {
        let url = self.url(source)?;
        let tree = self.stores.tree(url).map_err(failed)?;
        Ok(Opened::by(self.name(), url.to_string(), Checked::Hashed, tree))
    }
}

/// A store may have other objects tomorrow, so that none of its errors is one of the input itself.
fn failed(error: ObjectError) -> HostFailure {
    HostFailure::of(error.into())
}
