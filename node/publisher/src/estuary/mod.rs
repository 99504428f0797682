//! Results at a pinning service. Estuary has ended; its API continues as the IPFS Pinning Service API
//! (<https://ipfs.github.io/pinning-services-api-spec/>), which other services implement. Results are pinned in our own
//! store, and the service fetches them, or receives an archive. Nobody else verifies that the service has them.

mod origins;
mod pin;
mod pinning_error;
mod service;
mod task;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;

use bacalhau_receipt::Publication;
use bacalhau_tree::{HostFailure, Link};

pub use pin::Pin;
pub use service::PinningService;
pub(super) use task::PinTask;

use super::ledger::{Entry, Ledger, PublisherState, now_ms};
use super::{Finished, Publisher, dag};
use bacalhau_cas::{store::Store, unixfs::import::Profile};

/// Advice if no service is configured.
pub(super) const UNSET: &str = "no pinning service is configured: set estuary.endpoint and estuary.token_file in the \
    configuration, or BACALHAU_ESTUARY_ENDPOINT and BACALHAU_ESTUARY_TOKEN. Estuary has ended; Filebase, \
    ipfs-cluster and `filecoin-pin daemon` have its API";

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
    /// Publishes from `store`, which is served at `peers`, by entries in `ledger`.
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
        let state = PublisherState::Estuary(Pin::new(cid, now_ms));
        let requester = results.job.requester.peer;
        let mut entry = Entry::new(results.execution, requester, results.h1, publication, state);
        entry.step(now_ms, "begun", format!("to be pinned by {}", self.host));
        Ok(self.ledger.begin(entry)?.publication)
    }
}
