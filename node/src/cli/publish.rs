//! The flags that say where results are published.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::content::Content;
use super::exit::Failure;
use super::settings::PublishingSettings;
use crate::cas::unixfs::import::Profile;
use crate::config::Layers;
use crate::job::PublisherKind;
use crate::publisher::{self, FilecoinConfig, FilecoinPublisher, LEDGER_DIR, Ledger, PublishPlaces};
use crate::serving;

/// Where results go beside the output directory.
#[derive(Args, Debug)]
#[command(next_help_heading = "Publishing")]
#[expect(clippy::struct_field_names, reason = "these are the names of the flags")]
pub(super) struct Publish {
    #[command(flatten)]
    to: PublishTo,

    /// How results are cut into blocks, which decides their CID
    #[arg(long, value_name = "PROFILE", default_value_t)]
    import_profile: Profile,

    /// Directory of the publisher `local` [default: `published` in the data directory]
    #[arg(long, value_name = "DIR")]
    publish_dir: Option<PathBuf>,

    /// URL at which that directory is served [default: that of a running `bacalhau ipfs serve --http`]
    #[arg(long, value_name = "URL")]
    publish_url: Option<String>,

    #[command(flatten)]
    settings: PublishingSettings,
}

/// Who publishes.
#[derive(Args, Debug)]
#[command(next_help_heading = "Publishing")]
pub(super) struct PublishTo {
    /// Make results that stand available to others: `ipfs` puts them into the block store, pinned, and into every kubo
    /// of --ipfs-connect; `local` into a directory that can be served over HTTP. `bacalhau ipfs serve` serves both.
    /// `filecoin` makes a deal with a storage provider; `estuary` has a pinning service keep them; `noop` does nothing. Several
    /// are separated by commas, or given one by one
    #[arg(short, long, value_enum, value_name = "NAME", value_delimiter = ',')]
    publisher: Vec<PublisherName>,

    /// Ask for a verified deal with --publisher filecoin, which takes `DataCap` of the wallet
    #[arg(long)]
    filplus: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PublisherName {
    Local,
    Ipfs,
    Filecoin,
    Estuary,
    Noop,
}

impl PublisherName {
    fn kind(self) -> Option<PublisherKind> {
        match self {
            Self::Local => Some(PublisherKind::Local),
            Self::Ipfs => Some(PublisherKind::Ipfs),
            Self::Filecoin => Some(PublisherKind::Filecoin),
            Self::Estuary => Some(PublisherKind::Estuary),
            Self::Noop => None,
        }
    }
}

impl PublishTo {
    /// Who publishes, as a job says it: each once. `None` where nothing is said.
    pub(super) fn said(&self) -> Option<Vec<PublisherKind>> {
        let kinds: BTreeSet<_> = self.publisher.iter().filter_map(|name| name.kind()).collect();
        (!self.publisher.is_empty()).then(|| kinds.into_iter().collect())
    }

    /// Whether a deal is to be a verified one.
    pub(super) fn filplus(&self) -> bool {
        self.filplus
    }
}

impl Publish {
    /// Whether it takes a node to publish.
    pub(super) fn needs_node(&self) -> bool {
        self.kinds().iter().any(|kind| matches!(kind, PublisherKind::Ipfs | PublisherKind::Estuary))
    }

    /// Who publishes, as a job says it: each once.
    pub(super) fn kinds(&self) -> Vec<PublisherKind> {
        self.to.said().unwrap_or_default()
    }

    /// Whether a deal is to be a verified one.
    pub(super) fn filplus(&self) -> bool {
        self.to.filplus()
    }

    /// Where a node of this process publishes.
    ///
    /// # Errors
    /// When no data directory is known, or somebody is to publish of whom nothing is known.
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
        add_durable(&mut places, &kinds, Durable { settings: &self.settings, layers, data_dir: &data_dir })?;
        Ok(places)
    }
}

/// What publishers are told whose work goes on: configuration, flags over it, and where they note it.
#[derive(Debug)]
pub(super) struct Durable<'a> {
    pub(super) settings: &'a PublishingSettings,
    pub(super) layers: Layers,
    pub(super) data_dir: &'a Path,
}

/// Adds those of `kinds` to `places` whose work goes on, and a ledger for them.
///
/// # Errors
/// When one of them is not set up, or cannot be.
pub(super) fn add_durable(
    places: &mut PublishPlaces,
    kinds: &[PublisherKind],
    durable: Durable<'_>,
) -> Result<(), Failure> {
    let wants = |kind| kinds.contains(&kind);
    if !wants(PublisherKind::Estuary) && !wants(PublisherKind::Filecoin) {
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
                "--publisher filecoin needs a provider to make deals with: give --filecoin-market, --filecoin-lotus, \
                 --filecoin-provider and --filecoin-wallet, or set them in [filecoin] of the configuration",
            )
        })?;
        // Whoever serves this data directory serves the archives in it too.
        let listen = config.listen.filter(|_| serving::find(data_dir).is_none_or(|addresses| addresses.api.is_none()));
        let config = FilecoinConfig { profile: places.profile, listen, ..config };
        places.filecoin = Some(Arc::new(FilecoinPublisher::connect(config, ledger.clone())?));
    }
    places.ledger = Some(ledger);
    Ok(())
}

/// The directory of the publisher `local` in a data directory.
pub(super) fn dir_in(data_dir: &Path) -> PathBuf {
    data_dir.join("published")
}
