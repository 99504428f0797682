//! Opened data: the tree to read, and the services that provide it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bacalhau_receipt::{Checked, Service};
use bacalhau_tree::Tree;

/// Opened data.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The tree.
    pub tree: Arc<dyn Tree>,
    /// The services that provide it.
    pub services: Services,
}

/// Services of an input: the first, and its replacements after failures. Grows while a run reads; clones share it.
#[derive(Clone, Default)]
pub struct Services(Arc<Mutex<Vec<Service>>>);

impl Opened {
    /// Data that one storage alone hands out.
    pub(super) fn by(driver: &str, place: impl Into<String>, checked: Checked, tree: Arc<dyn Tree>) -> Self {
        let services = Services::default();
        services.add(Service { driver: driver.into(), place: place.into(), checked, failed: None });
        Self { tree, services }
    }
}

impl Services {
    /// All of them so far.
    pub fn list(&self) -> Vec<Service> {
        self.lock().clone()
    }

    /// Adds a service that starts or takes over.
    pub(super) fn add(&self, service: Service) {
        self.lock().push(service);
    }

    /// The last one failed.
    pub(super) fn failed(&self, why: &str) {
        if let Some(last) = self.lock().last_mut() {
            last.failed = Some(why.into());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Service>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list()).finish()
    }
}
