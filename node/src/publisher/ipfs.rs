//! Results as a DAG in the node's own store, pinned, from where `ipfs serve` hands them to everybody; and in a kubo, where
//! one is connected.

use std::sync::Arc;

use bacalhau_runtime::{HostFailure, Link, Publication};

use super::{Finished, Publisher, dag};
use crate::cas::DataError;
use crate::cas::store::Store;
use crate::cas::unixfs::import::Profile;
use crate::exchange::Kubo;

/// The publisher `ipfs`.
#[derive(Debug)]
pub struct IpfsPublisher {
    store: Arc<Store>,
    kubos: Vec<Arc<Kubo>>,
    profile: Profile,
    peers: Vec<String>,
}

impl IpfsPublisher {
    /// Publishes into `store`, and into each of `kubos`. `peers` are the multiaddrs at which the store is served.
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
            places.push(crate::exchange::Provider::name(&**kubo));
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
