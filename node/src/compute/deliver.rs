//! Makes results of an execution available: to the requester as a DAG of the node's store or, within one process, as the
//! directory itself; to everybody by the job's publisher.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bacalhau_runtime::{HostFailure, HostTree, Link, Publication};
use libp2p::PeerId;

use crate::cas::store::Store;
use crate::cas::unixfs::import::{Profile, import};
use crate::cas::{Block, DataError};
use crate::exchange::Kubo;
use crate::job::{ExecutionId, PublisherKind};
use crate::protocol::Delivery;
use crate::publisher::{IpfsPublisher, LocalPublisher, PublishPlaces, Publisher, check};

/// How the names of pins begin that hold results for a requester.
const PIN_PREFIX: &str = "job:";

/// Whether a node lives in this process, and can open our directories.
pub type Here = Arc<dyn Fn(&PeerId) -> bool + Send + Sync>;

/// Delivers and publishes results.
pub struct Deliverer {
    store: Option<Arc<Store>>,
    profile: Profile,
    ipfs: Option<IpfsPublisher>,
    local: Option<LocalPublisher>,
    here: Here,
    /// What was imported for requesters and is still held: equal results of several executions are one DAG with one pin.
    held: Mutex<BTreeMap<ExecutionId, Link>>,
}

impl Deliverer {
    /// Delivers from `store`, and publishes there, into kubos, and to `places`; nodes for which `here` is true are given
    /// the directory itself. Without a store only they can have anything.
    pub fn new(store: Option<(Arc<Store>, Vec<Arc<Kubo>>)>, places: PublishPlaces, here: Here) -> Self {
        let PublishPlaces { profile, dir, url, peers } = places;
        let local = (!dir.as_os_str().is_empty()).then(|| LocalPublisher::new(dir, url));
        let ipfs = |(store, kubos): &(Arc<Store>, Vec<_>)| {
            IpfsPublisher::new(Arc::clone(store), kubos.clone(), profile, peers)
        };
        Self {
            ipfs: store.as_ref().map(ipfs),
            store: store.map(|(store, _)| store),
            profile,
            local,
            here,
            held: Mutex::default(),
        }
    }

    /// Makes the directory `results` of an execution available to `requester`, and to everybody by `publisher`. A second
    /// time is no harm.
    ///
    /// # Errors
    /// When the results are others than those of `h1` by now, or cannot be made available.
    pub fn publish(
        &self,
        execution: ExecutionId,
        results: &Path,
        h1: &str,
        publisher: Option<PublisherKind>,
        requester: &PeerId,
    ) -> Result<(Delivery, Vec<Publication>), String> {
        let in_words = |error: HostFailure| {
            let text = error.to_string();
            text.strip_prefix(HostFailure::PREFIX).unwrap_or(&text).to_owned()
        };
        check(results, h1).map_err(in_words)?;
        let publication = match publisher {
            None => None,
            Some(PublisherKind::Ipfs) => {
                let ipfs = self.ipfs.as_ref().ok_or("this node has no block store for the publisher `ipfs`")?;
                Some(ipfs.publish(results, h1).map_err(in_words)?)
            }
            Some(PublisherKind::Local) => {
                let local = self.local.as_ref().ok_or("this node has no directory for the publisher `local`")?;
                Some(local.publish(results, h1).map_err(in_words)?)
            }
        };
        let delivery = if (self.here)(requester) {
            let path = std::path::absolute(results).map_err(|error| error.to_string())?;
            Delivery::Directory(path.to_str().ok_or("the results are in a directory whose name is no text")?.into())
        } else if let Some(cid) = publication.as_ref().and_then(|publication| publication.cid) {
            Delivery::Dag(cid)
        } else {
            let store = self.store.as_ref().ok_or("this node has no block store to deliver results from")?;
            let imported = self.import(store, execution, results);
            Delivery::Dag(imported.map_err(|error| format!("cannot publish {}: {error}", results.display()))?)
        };
        Ok((delivery, publication.into_iter().collect()))
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

    fn held(&self) -> MutexGuard<'_, BTreeMap<ExecutionId, Link>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of what was imported for the requester of an execution. What was published for everybody stays.
    ///
    /// # Errors
    /// When the store fails.
    pub fn discard(&self, execution: ExecutionId) -> Result<(), DataError> {
        let Some(store) = &self.store else { return Ok(()) };
        let mut held = self.held();
        let link = held.remove(&execution);
        if link.is_some_and(|link| held.values().any(|other| *other == link)) {
            return Ok(());
        }
        let name = pin_name(execution);
        for pin in store.pins()? {
            let is_ours = pin.name == name
                || pin.name.starts_with(PIN_PREFIX) && link.is_some_and(|link| Link::from(pin.cid) == link);
            if is_ours {
                store.unpin(&pin.cid)?;
            }
        }
        Ok(())
    }
}

fn pin_name(execution: ExecutionId) -> String {
    format!("{PIN_PREFIX}{execution}")
}

impl fmt::Debug for Deliverer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deliverer").field("store", &self.store).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
