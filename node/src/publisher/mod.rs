//! Where results go so that others can have them, behind one trait. Only results that stand are published, and what is
//! published is hashed again: it must be what the verdict was about.

mod dag;
pub(crate) mod directories;
mod estuary;
pub mod filecoin;
mod ipfs;
mod ledger;
mod local;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bacalhau_runtime::{HostFailure, Publication, dirhash};

pub use estuary::{EstuaryPublisher, Pin, PinningService};
pub use filecoin::{Deal, FilecoinConfig, FilecoinPublisher};
pub use ipfs::IpfsPublisher;
pub use ledger::{Course, Courses, Driver, Entry, Ledger, Listing, Matter, Next};
pub use local::LocalPublisher;

use crate::cas::store::Store;
use crate::cas::unixfs::import::Profile;
use crate::exchange::Kubo;
use crate::job::{AnnouncedJob, ExecutionId, PublisherKind};
use crate::transport::Dialer;

/// The ledger's directory in a data directory.
pub const LEDGER_DIR: &str = "publications";

/// Where the publishers of a node publish.
#[derive(Clone, Debug, Default)]
pub struct PublishPlaces {
    /// How results are cut into blocks.
    pub profile: Profile,
    /// Directory of the publisher `local`.
    pub dir: PathBuf,
    /// URL at which that directory is served, if it is.
    pub url: Option<String>,
    /// Multiaddrs at which the block store is served, if it is.
    pub peers: Vec<String>,
    /// Where what takes its time is noted.
    pub ledger: Option<Ledger>,
    /// Who pins what the publisher `estuary` publishes.
    pub pinning: Option<PinningService>,
    /// Who makes deals, if anybody does.
    pub filecoin: Option<Arc<FilecoinPublisher>>,
}

impl PublishPlaces {
    /// Who publishes there; with a block store, into that and into `kubos` too.
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
        publishers
    }

    /// Who takes further what is in the ledger: pins from `store`, over connections that `dial` makes.
    pub fn courses(&self, store: Option<&Arc<Store>>, dial: Option<Dialer>) -> Courses {
        let pin = |(pinning, store): (&PinningService, &Arc<Store>)| -> Arc<dyn Course> {
            Arc::new(estuary::PinCourse::new(pinning.clone(), Arc::clone(store), &self.peers, dial))
        };
        Courses {
            filecoin: self.filecoin.clone().map(|filecoin| filecoin as _),
            estuary: self.pinning.as_ref().zip(store).map(pin),
        }
    }
}

/// Results that are to be published.
#[derive(Clone, Copy, Debug)]
pub struct Finished<'a> {
    /// Whose they are.
    pub execution: ExecutionId,
    /// Of which job.
    pub job: &'a AnnouncedJob,
    /// Their directory.
    pub dir: &'a Path,
    /// The hash that they are to have.
    pub h1: &'a str,
}

/// Somebody who makes results available.
pub trait Publisher: Send + Sync + Debug {
    /// Publishes results, and says where they can be had. What takes its time goes on in the ledger.
    ///
    /// # Errors
    /// When the directory is another one by now, or the host fails; nothing is published then.
    fn publish(&self, results: &Finished<'_>) -> Result<Publication, HostFailure>;
}

/// Who publishes on a node, by the name that jobs use.
pub type Publishers = BTreeMap<PublisherKind, Arc<dyn Publisher>>;

/// Why a node does not publish as a job wants.
pub(crate) fn missing(kind: PublisherKind) -> String {
    match kind {
        PublisherKind::Ipfs => "this node has no block store for the publisher `ipfs`".into(),
        PublisherKind::Local => "this node has no directory for the publisher `local`".into(),
        PublisherKind::Filecoin => {
            "this node is not set up for the publisher `filecoin`: set filecoin.market, filecoin.lotus, filecoin.provider and \
             filecoin.wallet"
                .into()
        }
        PublisherKind::Estuary => {
            format!("this node does not publish by `estuary`: {}", estuary::UNSET)
        }
    }
}

/// Checks that the directory at `results` has the hash `h1`.
///
/// # Errors
/// When it has another one, or cannot be read.
pub(crate) fn check(results: &Path, h1: &str) -> Result<(), HostFailure> {
    let found = dirhash::hash_dir(results, "results")
        .map_err(|error| HostFailure::new(format!("cannot hash {}: {error}", results.display())))?;
    if found.h1 == h1 {
        return Ok(());
    }
    let was = results.display();
    Err(HostFailure::new(format!("{was} was to be published with the hash {h1}, but has {}: nothing was", found.h1)))
}
