//! Publishes results as a pinned DAG in the node's store, which `ipfs serve` serves, and in connected kubos.

use std::sync::Arc;

use bacalhau_receipt::Publication;
use bacalhau_tree::{HostFailure, Link};

use super::{Finished, Publisher, dag};
use bacalhau_cas::{DataError, store::Store, unixfs::import::Profile};
use bacalhau_exchange::Kubo;

/// The publisher `ipfs`.
#[derive(Debug)]
pub struct IpfsPublisher {
    store: Arc<Store>,
    kubos: Vec<Arc<Kubo>>,
    profile: Profile,
    peers: Vec<String>,
}

impl IpfsPublisher {
    /// Publishes to `store` and to each of `kubos`. `peers` are the multiaddrs at which the store is served.
    pub fn new(store: Arc<Store>, kubos: Vec<Arc<Kubo>>, profile: Profile, peers: Vec<String>) -> Self {
        Self { store, kubos, profile, peers }
    }
}

impl Publisher for IpfsPublisher {
    fn publish(&self, results: &Finished<'_>) -> Result<Publication, HostFailure> {
        let Finished { dir: results, h1, .. } = *results;
        let failed = |error: DataError| HostFailure::new(format!("cannot publish {}: {error}", results.display()));
        let cid = dag::keep(&self.store, self.profile, results, h1)?;
        let mut places = self.peers.clone();
        for kubo in &self.kubos {
            dag::archive(&self.store, &cid, |car| kubo.push(car, &cid)).map_err(failed)?;
            places.push(bacalhau_exchange::BlockProvider::name(&**kubo));
        }
        Ok(Publication {
            publisher: "ipfs".into(),
            cid: Some(Link::from(cid)),
            import_profile: Some(self.profile.to_string()),
            places,
            steps: Vec::new(),
        })
    }
}
