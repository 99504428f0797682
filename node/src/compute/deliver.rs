//! Makes results of an execution available: to the requester as a DAG of the node's store or, within one process, as the
//! directory itself; to everybody by the job's publisher.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bacalhau_runtime::{HostFailure, HostTree, Link, Publication};
use libp2p::PeerId;

use crate::cas::store::{DELIVERED, Store};
use crate::cas::unixfs::import::{Profile, import};
use crate::cas::{Block, DataError};
use crate::job::{AnnouncedJob, ExecutionId, PublisherKind};
use crate::protocol::Delivery;
use crate::publisher::{self, Finished, Ledger, Publishers, check};

/// Whether a node lives in this process, and can open our directories.
pub type Here = Arc<dyn Fn(&PeerId) -> bool + Send + Sync>;

/// Delivers and publishes results.
pub struct Deliverer {
    store: Option<Arc<Store>>,
    profile: Profile,
    publishers: Publishers,
    ledger: Option<Ledger>,
    here: Here,
    /// What was imported for requesters and is still held: equal results of several executions are one DAG with one pin.
    held: Mutex<BTreeMap<ExecutionId, Link>>,
}

impl Deliverer {
    /// Delivers from `store`, in the form of `profile`; nodes for which `here` is true are given the directory itself.
    /// Without a store only they can have anything. `publishers` publish, and write into `ledger` what takes its time.
    pub fn new(
        store: Option<Arc<Store>>,
        profile: Profile,
        publishers: Publishers,
        ledger: Option<Ledger>,
        here: Here,
    ) -> Self {
        Self { store, profile, publishers, ledger, here, held: Mutex::default() }
    }

    /// Whether all publishers that a job names are here.
    ///
    /// # Errors
    /// Why one is not.
    pub fn can_publish(&self, kinds: &[PublisherKind]) -> Result<(), String> {
        let missing = kinds.iter().find(|kind| !self.publishers.contains_key(kind));
        missing.map_or(Ok(()), |kind| Err(publisher::missing(*kind)))
    }

    /// Makes the directory `results` of an execution of `job` available: to its requester, and to everybody by the
    /// publishers that it names, one after the other. A second time is no harm.
    ///
    /// # Errors
    /// When the results are others than those of `h1` by now, or cannot be made available.
    pub fn publish(
        &self,
        execution: ExecutionId,
        job: &AnnouncedJob,
        results: &Path,
        h1: &str,
    ) -> Result<(Delivery, Vec<Publication>), String> {
        check(results, h1).map_err(in_words)?;
        let finished = Finished { execution, job, dir: results, h1 };
        let mut publications = Vec::new();
        for kind in &job.request.request.spec.publishers {
            let publisher = self.publishers.get(kind).ok_or_else(|| publisher::missing(*kind))?;
            publications.push(publisher.publish(&finished).map_err(in_words)?);
        }
        let is_a_dag = |publication: &&Publication| matches!(&*publication.publisher, "ipfs" | "estuary");
        let in_store = publications.iter().find(is_a_dag);
        let delivery = if (self.here)(&job.requester.peer) {
            let path = std::path::absolute(results).map_err(|error| error.to_string())?;
            Delivery::Directory(path.to_str().ok_or("the results are in a directory whose name is no text")?.into())
        } else if let Some(cid) = in_store.and_then(|publication| publication.cid) {
            Delivery::Dag(cid)
        } else {
            let store = self.store.as_ref().ok_or("this node has no block store to deliver results from")?;
            let imported = self.import(store, execution, results);
            Delivery::Dag(imported.map_err(|error| format!("cannot publish {}: {error}", results.display()))?)
        };
        Ok((delivery, publications))
    }

    /// What has become of publications of an execution that take their time, for the requester of its job.
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
        // Pinned first: what is finished and not pinned may go. What somebody else has pinned stays theirs.
        if !store.pins()?.iter().any(|pin| pin.cid == imported.cid) {
            store.pin(&imported.cid, &pin_name(execution))?;
        }
        writer.finish()?;
        let link = Link::from(imported.cid);
        self.held().insert(execution, link);
        Ok(link)
    }

    /// The blocks that it delivers from.
    pub(super) fn store(&self) -> Option<&Arc<Store>> {
        self.store.as_ref()
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<ExecutionId, Link>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of what was imported for the requester of an execution. What was published for everybody stays.
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

#[expect(clippy::needless_pass_by_value, reason = "errors are mapped by it")]
fn in_words(error: HostFailure) -> String {
    let text = error.to_string();
    text.strip_prefix(HostFailure::PREFIX).unwrap_or(&text).to_owned()
}

fn pin_name(execution: ExecutionId) -> String {
    format!("{DELIVERED}{execution}")
}

/// The execution for whose requester a pin with this name holds results, if it is such a pin.
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
