//! Results at a pinning service. Estuary itself is gone; its API lives on as the IPFS Pinning Service API
//! (<https://ipfs.github.io/pinning-services-api-spec/>), which others speak. Results are in our own store, pinned, and the
//! service fetches them from us, or is sent an archive of them. That they are there is what it says: nobody checks.

mod course;
mod origins;
mod pin;
mod service;
#[cfg(test)]
mod tests;
mod trouble;
mod wire;

use std::sync::Arc;

use bacalhau_runtime::{HostFailure, Link, Publication};

pub(super) use course::PinCourse;
pub use pin::Pin;
pub use service::PinningService;

use super::ledger::{Entry, Ledger, Matter, now_ms};
use super::{Finished, Publisher, dag};
use crate::cas::store::Store;
use crate::cas::unixfs::import::Profile;

/// What to do where no service is known.
pub(super) const UNSET: &str = "no pinning service is set: name its endpoint and an access token, by estuary.endpoint and \
    estuary.token_file of the configuration, BACALHAU_ESTUARY_ENDPOINT and BACALHAU_ESTUARY_TOKEN, or --estuary-endpoint \
    and --estuary-token-file. Estuary itself is gone; Filebase, ipfs-cluster and `filecoin-pin daemon` speak its API today";

/// The publisher `estuary`.
#[derive(Debug)]
pub struct EstuaryPublisher {
    store: Arc<Store>,
    profile: Profile,
    peers: Vec<String>,
    ledger: Ledger,
    host: String,
}

impl EstuaryPublisher {
    /// Publishes from `store`, which is served at `peers`, by notes in `ledger` for whoever drives it.
    pub fn new(
        store: Arc<Store>,
        profile: Profile,
        peers: Vec<String>,
        ledger: Ledger,
        service: &PinningService,
    ) -> Self {
        Self { store, profile, peers, ledger, host: service.host().into() }
    }
}

impl Publisher for EstuaryPublisher {
    fn publish(&self, results: &Finished<'_>) -> Result<Publication, HostFailure> {
        let cid = Link::from(dag::keep(&self.store, self.profile, results.dir, results.h1)?);
        let publication = Publication {
            cid: Some(cid),
            import_profile: Some(self.profile.to_string()),
            places: self.peers.clone(),
            ..Publication::default()
        };
        let now_ms = now_ms();
        let matter = Matter::Estuary(Pin::new(cid, now_ms));
        let requester = results.job.requester.peer;
        let mut entry = Entry::new(results.execution, requester, results.h1, publication, matter);
        entry.step(now_ms, "begun", format!("to be pinned by {}", self.host));
        Ok(self.ledger.begin(entry)?.publication)
    }
}
