//! Publishers, behind one trait. Only accepted results are published, and they are hashed again first: they must match
//! the verdict.

mod archives;
mod backend_error;
mod dag;
pub mod directories;
mod estuary;
pub mod filecoin;
mod ipfs;
mod ledger;
mod local;
mod object_store;
pub mod pdp;
mod transition;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bacalhau_receipt::Publication;
use bacalhau_tree::{
    HostFailure,
    dirhash::{self, FileHash},
};

pub use estuary::{EstuaryPublisher, Pin, PinningService};
pub use filecoin::{FilecoinConfig, FilecoinPublisher, StorageDeal};
pub use ipfs::IpfsPublisher;
pub use ledger::{Driver, Entry, Ledger, Listing, Next, PublicationTask, PublicationTasks, PublisherState, StepError};
pub use local::LocalPublisher;
pub use object_store::ObjectPublisher;
pub use pdp::{PdpConfig, PdpPublisher, WarmPiece};

use bacalhau_cas::{store::Store, unixfs::import::Profile};
use bacalhau_exchange::Kubo;
use bacalhau_job::{AnnouncedJob, ExecutionId, PublisherKind};
use bacalhau_p2p::Dialer;

/// Directory of the ledger in a data directory.
pub const LEDGER_DIR: &str = "publications";

/// The publishing configuration of a node.
#[derive(Clone, Debug, Default)]
pub struct PublishPlaces {
    /// Import profile of results.
    pub profile: Profile,
    /// Directory of the publisher `local`.
    pub dir: PathBuf,
    /// URL at which that directory is served, if any.
    pub url: Option<String>,
    /// Multiaddrs at which the block store is served, if any.
    pub peers: Vec<String>,
    /// Ledger of asynchronous publications.
    pub ledger: Option<Ledger>,
    /// Pinning service of the publisher `estuary`.
    pub pinning: Option<PinningService>,
    /// The publisher `filecoin`, if configured.
    pub filecoin: Option<Arc<FilecoinPublisher>>,
    /// The publisher `pdp`, if configured.
    pub pdp: Option<Arc<PdpPublisher>>,
    /// The publisher `s3`, if configured.
    pub objects: Option<Arc<ObjectPublisher>>,
}

impl PublishPlaces {
    /// The publishers of this configuration; with a block store, also to it and to `kubos`.
    pub fn publishers(&self, store: Option<(Arc<Store>, Vec<Arc<Kubo>>)>) -> Publishers {
        let mut publishers = Publishers::new();
        if !self.dir.as_os_str().is_empty() {
            let local = LocalPublisher::new(self.dir.clone(), self.url.clone());
            publishers.insert(PublisherKind::Local, Arc::new(local));
        }
        if let Some((store, kubos)) = store {
            if let (Some(ledger), Some(pinning)) = (&self.ledger, &self.pinning) {
                let (store, peers, ledger) = (Arc::clone(&store), self.peers.clone(), ledger.clone());
                let estuary = EstuaryPublisher::new(store, self.profile, peers, ledger, pinning);
                publishers.insert(PublisherKind::Estuary, Arc::new(estuary));
            }
            let ipfs = IpfsPublisher::new(store, kubos, self.profile, self.peers.clone());
            publishers.insert(PublisherKind::Ipfs, Arc::new(ipfs));
        }
        if let Some(filecoin) = &self.filecoin {
            publishers.insert(PublisherKind::Filecoin, Arc::clone(filecoin) as _);
        }
        if let Some(pdp) = &self.pdp {
            publishers.insert(PublisherKind::Pdp, Arc::clone(pdp) as _);
        }
        if let Some(objects) = &self.objects {
            publishers.insert(PublisherKind::S3, Arc::clone(objects) as _);
        }
        publishers
    }

    /// The asynchronous publishers: pins are fetched from `store`, over connections that `dial` opens.
    pub fn tasks(&self, store: Option<&Arc<Store>>, dial: Option<Dialer>) -> PublicationTasks {
        let pin = |(pinning, store): (&PinningService, &Arc<Store>)| -> Arc<dyn PublicationTask> {
            Arc::new(estuary::PinTask::new(pinning.clone(), Arc::clone(store), &self.peers, dial))
        };
        PublicationTasks {
            filecoin: self.filecoin.clone().map(|filecoin| filecoin as _),
            estuary: self.pinning.as_ref().zip(store).map(pin),
            pdp: self.pdp.clone().map(|pdp| pdp as _),
        }
    }
}

/// Results to publish.
#[derive(Clone, Copy, Debug)]
pub struct Finished<'a> {
    /// The execution.
    pub execution: ExecutionId,
    /// Its job.
    pub job: &'a AnnouncedJob,
    /// Directory of the results.
    pub dir: &'a Path,
    /// Required hash.
    pub h1: &'a str,
}

/// A publisher.
pub trait Publisher: Send + Sync + Debug {
    /// Publishes results, and returns their place. Asynchronous publications continue in the ledger.
    ///
    /// # Errors
    /// When the results do not match the hash, or the host fails; nothing is published then.
    fn publish(&self, results: &Finished<'_>) -> Result<Publication, HostFailure>;
}

/// The publishers of a node by kind.
pub type Publishers = BTreeMap<PublisherKind, Arc<dyn Publisher>>;

/// Why a node lacks a publisher of a job.
pub fn missing(kind: PublisherKind) -> String {
    match kind {
        PublisherKind::Ipfs => "this node has no block store for the publisher `ipfs`".into(),
        PublisherKind::Local => "this node has no directory for the publisher `local`".into(),
        PublisherKind::Filecoin => {
            "this node is not set up for the publisher `filecoin`: set filecoin.market, filecoin.lotus, filecoin.provider and \
             filecoin.wallet"
                .into()
        }
        PublisherKind::Pdp => "this node is not set up for the publisher `pdp`: set pdp.url, pdp.data_set, \
             pdp.client_data_set and pdp.key_file"
            .into(),
        PublisherKind::S3 => {
            "this node is not set up for the publisher `s3`: set publisher.object_store to s3://BUCKET/PREFIX".into()
        }
        PublisherKind::Estuary => {
            format!("this node does not publish by `estuary`: {}", estuary::UNSET)
        }
    }
}

/// Checks that the directory at `results` has the hash `h1`. Returns its files.
///
/// # Errors
/// When it differs, or cannot be read.
pub fn check(results: &Path, h1: &str) -> Result<Vec<FileHash>, HostFailure> {
    let found = dirhash::hash_dir(results, "results")
        .map_err(|error| HostFailure::new(format!("cannot hash {}: {error}", results.display())))?;
    if found.h1 == h1 {
        return Ok(found.files);
    }
    let was = results.display();
    Err(HostFailure::new(format!(
        "{was} does not match: expected the hash {h1}, found {}; nothing was published",
        found.h1
    )))
}
