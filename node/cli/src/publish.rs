//! The flags for publishing results.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::content::Content;
use super::exit::Failure;
use super::settings::PublishingSettings;
use bacalhau_cas::unixfs::import::Profile;
use bacalhau_job::PublisherKind;
use bacalhau_objects::{ObjectStores, ObjectUrl};
use bacalhau_publisher as publisher;
use bacalhau_publisher::{
    FilecoinConfig, FilecoinPublisher, LEDGER_DIR, Ledger, ObjectPublisher, PdpConfig, PdpPublisher, PublishPlaces,
};
use bacalhau_service::{config::Layers, serving};

/// Where results are published in addition to the output directory.
#[derive(Args, Debug)]
#[command(next_help_heading = "Publishing")]
#[expect(clippy::struct_field_names, reason = "these are the names of the flags")]
pub(super) struct Publish {
    #[command(flatten)]
    to: PublishTo,

    /// Import profile that cuts results into blocks. It determines their CID
    #[arg(long, value_name = "PROFILE", default_value_t)]
    import_profile: Profile,

    /// Directory of the publisher `local` [default: `published` in the data directory]
    #[arg(long, value_name = "DIR")]
    publish_dir: Option<PathBuf>,

    /// Public URL of that directory [default: that of a running `bacalhau ipfs serve --http`]
    #[arg(long, value_name = "URL")]
    publish_url: Option<String>,

    /// Prefix of an object store for the publisher `s3`, as in `s3://BUCKET/PREFIX` [default: `publisher.object_store` of the
    /// configuration]
    #[arg(long, value_name = "URL")]
    publish_object_store: Option<ObjectUrl>,

    #[command(flatten)]
    settings: PublishingSettings,
}

/// The publishers.
#[derive(Args, Debug)]
#[command(next_help_heading = "Publishing")]
pub(super) struct PublishTo {
    /// Publish accepted results: `ipfs` imports and pins them in the block store and in every kubo of --ipfs-connect;
    /// `local` copies them to a directory that can be served over HTTP. `bacalhau ipfs serve` serves both. `filecoin`
    /// makes a deal with a storage provider; `pdp` adds them to a data set of Filecoin Warm Storage; `s3` makes objects of
    /// them below --publish-object-store; `estuary` has a
    /// pinning service keep them; `noop` does nothing. Several are separated by commas, or given one by one
    #[arg(alias = "publishers", short, long, value_enum, value_name = "NAME", value_delimiter = ',')]
    publisher: Vec<PublisherName>,

    /// Request a verified deal with --publisher filecoin, which uses `DataCap` of the wallet. Networks have no such deals
    /// from network version 29 on (FIP-0118)
    #[arg(long)]
    filplus: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PublisherName {
    Local,
    Ipfs,
    Filecoin,
    Estuary,
    Pdp,
    S3,
    Noop,
}

impl PublisherName {
    fn kind(self) -> Option<PublisherKind> {
        match self {
            Self::Local => Some(PublisherKind::Local),
            Self::Ipfs => Some(PublisherKind::Ipfs),
            Self::Filecoin => Some(PublisherKind::Filecoin),
            Self::Estuary => Some(PublisherKind::Estuary),
            Self::Pdp => Some(PublisherKind::Pdp),
            Self::S3 => Some(PublisherKind::S3),
            Self::Noop => None,
        }
    }
}

impl PublishTo {
    /// The publishers of the job, without duplicates. `None` when the flag is absent.
    pub(super) fn said(&self) -> Option<Vec<PublisherKind>> {
        let kinds: BTreeSet<_> = self.publisher.iter().filter_map(|name| name.kind()).collect();
        (!self.publisher.is_empty()).then(|| kinds.into_iter().collect())
    }

    /// Whether to request a verified deal.
    pub(super) fn filplus(&self) -> bool {
        self.filplus
    }
}

impl Publish {
    /// Whether publishing needs a node.
    pub(super) fn needs_node(&self) -> bool {
        self.kinds().iter().any(|kind| matches!(kind, PublisherKind::Ipfs | PublisherKind::Estuary))
    }

    /// The publishers of the job, without duplicates.
    pub(super) fn kinds(&self) -> Vec<PublisherKind> {
        self.to.said().unwrap_or_default()
    }

    /// Whether to request a verified deal.
    pub(super) fn filplus(&self) -> bool {
        self.to.filplus()
    }

    /// Where local nodes publish.
    ///
    /// # Errors
    /// When there is no data directory, or a publisher is not configured.
    pub(super) fn places(&self, content: &Content, layers: Layers) -> Result<PublishPlaces, Failure> {
        let kinds = self.kinds();
        if kinds.is_empty() {
            return Ok(PublishPlaces::default());
        }
        let data_dir = content.place.path()?;
        let serving = serving::find(&data_dir).unwrap_or_default();
        let dir = self.publish_dir.clone().unwrap_or_else(|| dir_in(&data_dir));
        let mut places = PublishPlaces {
            profile: self.import_profile,
            url: self.publish_url.clone().or(serving.http.filter(|_| self.publish_dir.is_none())),
            dir: std::path::absolute(&dir).unwrap_or(dir),
            peers: serving.peers,
            ..PublishPlaces::default()
        };
        if kinds.contains(&PublisherKind::S3) {
            places.objects = Some(self.objects(&layers)?);
        }
        add_durable(&mut places, &kinds, Durable { settings: &self.settings, layers, data_dir: &data_dir })?;
        Ok(places)
    }
}

impl Publish {
    fn objects(&self, layers: &Layers) -> Result<Arc<ObjectPublisher>, Failure> {
        let config = layers.clone().config()?;
        let Some(prefix) = self.publish_object_store.clone().or(config.publisher.object_store) else {
            return Err(Failure::usage("--publisher s3 needs --publish-object-store s3://BUCKET/PREFIX"));
        };
        Ok(Arc::new(ObjectPublisher::new(Arc::new(ObjectStores::new(config.storage.patience.0)), prefix)))
    }
}

/// Configuration of asynchronous publishers: layers, flags, and the data directory of their ledger.
#[derive(Debug)]
pub(super) struct Durable<'a> {
    pub(super) settings: &'a PublishingSettings,
    pub(super) layers: Layers,
    pub(super) data_dir: &'a Path,
}

/// Adds the asynchronous publishers among `kinds` to `places`, and their ledger.
///
/// # Errors
/// When one is not configured or cannot be started.
pub(super) fn add_durable(
    places: &mut PublishPlaces,
    kinds: &[PublisherKind],
    durable: Durable<'_>,
) -> Result<(), Failure> {
    let wants = |kind| kinds.contains(&kind);
    if ![PublisherKind::Estuary, PublisherKind::Filecoin, PublisherKind::Pdp].into_iter().any(wants) {
        return Ok(());
    }
    let Durable { settings, mut layers, data_dir } = durable;
    settings.lay_over(&mut layers)?;
    let config = layers.config()?;
    let ledger = match &places.ledger {
        Some(ledger) => ledger.clone(),
        None => Ledger::open(data_dir.join(LEDGER_DIR))?,
    };
    if wants(PublisherKind::Estuary) {
        let unset = || Failure::usage(publisher::missing(PublisherKind::Estuary));
        places.pinning = Some(config.pinning_service()?.ok_or_else(unset)?);
    }
    if wants(PublisherKind::Filecoin) {
        let config = config.filecoin_config(data_dir)?.ok_or_else(|| {
            Failure::usage(
                "--publisher filecoin needs a storage provider: set --filecoin-market, --filecoin-lotus, \
                 --filecoin-provider and --filecoin-wallet, or the keys in [filecoin] of the configuration",
            )
        })?;
        // The process that serves this data directory also serves its archives.
        let listen = config.listen.filter(|_| serving::find(data_dir).is_none_or(|addresses| addresses.api.is_none()));
        let config = FilecoinConfig { profile: places.profile, listen, ..config };
        places.filecoin = Some(Arc::new(FilecoinPublisher::connect(config, ledger.clone())?));
    }
    if wants(PublisherKind::Pdp) {
        let config = config.pdp_config(data_dir)?.ok_or_else(|| {
            Failure::usage(
                "--publisher pdp needs a data set of Filecoin Warm Storage: set --pdp-url, --pdp-data-set, \
                 --pdp-client-data-set and --pdp-key-file, or the keys in [pdp] of the configuration",
            )
        })?;
        let config = PdpConfig { profile: places.profile, ..config };
        places.pdp = Some(Arc::new(PdpPublisher::connect(config, ledger.clone())?));
    }
    places.ledger = Some(ledger);
    Ok(())
}

/// The directory of the publisher `local` in a data directory.
pub(super) fn dir_in(data_dir: &Path) -> PathBuf {
    data_dir.join("published")
}
