//! Makes results of an execution available: to the requester as a DAG in the node's store, or within one process as the
//! directory itself; to the public by the job's publishers.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bacalhau_receipt::Publication;
use bacalhau_tree::{HostTree, Link};
use libp2p_identity::PeerId;

use super::errors::{DeliverError, MissingPublisher};
use bacalhau_cas::{
    Block, DataError,
    store::{DELIVERED, Store},
    unixfs::import::{Profile, import},
};
use bacalhau_job::{AnnouncedJob, Delivery, ExecutionId, PublisherKind};
use bacalhau_publisher::{Finished, Ledger, Publishers, check};

/// Whether a node lives in this process and can open our directories.
pub type IsLocal = Arc<dyn Fn(&PeerId) -> bool + Send + Sync>;

/// Delivers and publishes results.
pub struct Deliverer {
    store: Option<Arc<Store>>,
    profile: Profile,
    publishers: Publishers,
    ledger: Option<Ledger>,
    is_local: IsLocal,
    /// DAGs imported for requesters, still pinned. Equal results of several executions are one DAG with one pin.
    held: Mutex<BTreeMap<ExecutionId, Link>>,
}

impl Deliverer {
    /// Delivers from `store`, imported with `profile`. Nodes for which `is_local` is true receive the directory itself;
    /// without a store, only they can. `publishers` publish, and record asynchronous publications in `ledger`.
    pub fn new(
        store: Option<Arc<Store>>,
        profile: Profile,
        publishers: Publishers,
        ledger: Option<Ledger>,
        is_local: IsLocal,
    ) -> Self {
        Self { store, profile, publishers, ledger, is_local, held: Mutex::default() }
    }

    /// Checks that this node has all publishers of a job.
    ///
    /// # Errors
    /// Why one is missing.
    pub fn can_publish(&self, kinds: &[PublisherKind]) -> Result<(), MissingPublisher> {
        let missing = kinds.iter().find(|kind| !self.publishers.contains_key(kind));
        missing.map_or(Ok(()), |kind| Err(MissingPublisher(*kind)))
    }

    /// Makes the directory `results` of an execution of `job` available to its requester, and publishes it by each
    /// publisher in order. Idempotent.
    ///
    /// # Errors
    /// When the results do not match `h1`, or cannot be made available.
    pub fn publish(
        &self,
        execution: ExecutionId,
        job: &AnnouncedJob,
        results: &Path,
        h1: &str,
    ) -> Result<(Delivery, Vec<Publication>), DeliverError> {
        check(results, h1)?;
        let finished = Finished { execution, job, dir: results, h1 };
        let mut publications = Vec::new();
        for kind in &job.spec().publishers {
            let publisher = self.publishers.get(kind).ok_or(DeliverError::Missing(MissingPublisher(*kind)))?;
            publications.push(publisher.publish(&finished)?);
        }
        let is_a_dag = |publication: &&Publication| matches!(&*publication.publisher, "ipfs" | "estuary");
        let in_store = publications.iter().find(is_a_dag);
        let delivery = if (self.is_local)(&job.requester.peer) {
            let path = std::path::absolute(results).map_err(DeliverError::Path)?;
            Delivery::Directory(path.to_str().ok_or(DeliverError::NotUtf8)?.into())
        } else if let Some(cid) = in_store.and_then(|publication| publication.cid) {
            Delivery::Dag(cid)
        } else {
            let store = self.store.as_ref().ok_or(DeliverError::NoStore)?;
            let imported = self.import(store, execution, results);
            Delivery::Dag(imported.map_err(|error| DeliverError::Import(results.into(), Box::new(error)))?)
        };
        Ok((delivery, publications))
    }

    /// The state of an execution's asynchronous publications, for the requester of its job.
    pub fn publications(&self, execution: ExecutionId, to: &PeerId) -> Option<Vec<Publication>> {
        let entries = self.ledger.as_ref()?.of(execution);
        let known: Vec<_> = entries.into_iter().filter(|entry| entry.requester == *to).collect();
        (!known.is_empty()).then(|| known.into_iter().map(|entry| entry.publication).collect())
    }

    fn import(&self, store: &Arc<Store>, execution: ExecutionId, results: &Path) -> Result<Link, DataError> {
        let tree =
            HostTree::open(results).map_err(|error| DataError::io(format!("open {}", results.display()), error))?;
        let writer = store.writer();
        let imported = import(&tree, self.profile, &mut |block: Block| writer.write(&block))?;
        // Pinned first, because finished blocks without a pin may be evicted. Pins of others stay theirs.
        if !store.pins()?.iter().any(|pin| pin.cid == imported.cid) {
            store.pin(&imported.cid, &pin_name(execution))?;
        }
        writer.finish()?;
        let link = Link::from(imported.cid);
        self.held().insert(execution, link);
        Ok(link)
    }

    /// The block store.
    pub(super) fn store(&self) -> Option<&Arc<Store>> {
        self.store.as_ref()
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<ExecutionId, Link>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Unpins the DAG imported for the requester of an execution. Public publications remain.
    ///
    /// # Errors
    /// When the store fails.
    pub fn discard(&self, execution: ExecutionId) -> Result<(), DataError> {
        let Some(store) = &self.store else { return Ok(()) };
        let (link, in_use) = {
            let mut held = self.held();
            let link = held.remove(&execution);
            (link, link.is_some_and(|link| held.values().any(|other| *other == link)))
        };
        if in_use {
            return Ok(());
        }
        let name = pin_name(execution);
        for pin in store.pins()? {
            let is_ours = pin.name == name
                || pin.name.starts_with(DELIVERED) && link.is_some_and(|link| Link::from(pin.cid) == link);
            if is_ours {
                store.unpin_listed(&pin)?;
            }
        }
        Ok(())
    }
}

fn pin_name(execution: ExecutionId) -> String {
    format!("{DELIVERED}{execution}")
}

/// The execution in the name of a pin for a requester; `None` for other pins.
pub(super) fn execution_of_pin(name: &str) -> Option<ExecutionId> {
    name.strip_prefix(DELIVERED)?.parse().ok()
}

impl fmt::Debug for Deliverer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deliverer").field("store", &self.store).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
