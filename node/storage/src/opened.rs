//! Data that is open: the tree that a run reads, and who hands it out.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bacalhau_runtime::{Checked, Service, Tree};

/// Opened data.
#[derive(Clone, Debug)]
pub struct Opened {
    /// What is read.
    pub tree: Arc<dyn Tree>,
    /// Who hands it out.
    pub services: Services,
}

/// Who hands out an input: the first, and after each that failed who went on. It grows while a run reads, and all
/// clones are one list.
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

    /// Somebody begins, or goes on.
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
