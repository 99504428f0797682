//! The flags that say where results are published.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::content::Content;
use super::exit::Failure;
use crate::cas::unixfs::import::Profile;
use crate::job::PublisherKind;
use crate::publisher::PublishPlaces;
use crate::serving;

/// Where results go beside the output directory.
#[derive(Args, Debug)]
#[command(next_help_heading = "Publishing")]
#[expect(clippy::struct_field_names, reason = "these are the names of the flags")]
pub(super) struct Publish {
    /// Make results that stand available to others: `ipfs` puts them into the block store, pinned, and into every kubo
    /// of --ipfs-connect; `local` into a directory that can be served over HTTP. `bacalhau ipfs serve` serves both.
    /// `filecoin` makes a deal with a storage provider; `estuary` has a pinning service keep them; `noop` does nothing. Several
    /// are separated by commas, or given one by one
    #[arg(short, long, value_enum, value_name = "NAME", value_delimiter = ',')]
    publisher: Vec<PublisherName>,

    /// Ask for a verified deal with --publisher filecoin, which takes DataCap of the wallet
    #[arg(long)]
    filplus: bool,

    /// How results are cut into blocks, which decides their CID
    #[arg(long, value_name = "PROFILE", default_value_t)]
    import_profile: Profile,

    /// Directory of the publisher `local` [default: `published` in the data directory]
    #[arg(long, value_name = "DIR")]
    publish_dir: Option<PathBuf>,

    /// URL at which that directory is served [default: that of a running `bacalhau ipfs serve --http`]
    #[arg(long, value_name = "URL")]
    publish_url: Option<String>,
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

impl Publish {
    /// Whether it takes a node to publish.
    pub(super) fn needs_node(&self) -> bool {
        self.publisher.iter().any(|name| matches!(name, PublisherName::Ipfs | PublisherName::Estuary))
    }

    /// Who publishes, as a job says it: each once.
    pub(super) fn kinds(&self) -> Vec<PublisherKind> {
        let kinds: BTreeSet<_> = self.publisher.iter().filter_map(|name| name.kind()).collect();
        kinds.into_iter().collect()
    }

    /// Whether a deal is to be a verified one.
    pub(super) fn filplus(&self) -> bool {
        self.filplus
    }

    /// Where a node of this process publishes.
    ///
    /// # Errors
    /// When no data directory is known.
    pub(super) fn places(&self, content: &Content) -> Result<PublishPlaces, Failure> {
        if self.kinds().is_empty() {
            return Ok(PublishPlaces::default());
        }
        let data_dir = content.place.path()?;
        let serving = serving::find(&data_dir).unwrap_or_default();
        let dir = self.publish_dir.clone().unwrap_or_else(|| dir_in(&data_dir));
        Ok(PublishPlaces {
            profile: self.import_profile,
            url: self.publish_url.clone().or(serving.http.filter(|_| self.publish_dir.is_none())),
            dir: std::path::absolute(&dir).unwrap_or(dir),
            peers: serving.peers,
            ledger: None,
            pinning: None,
        })
    }
}

/// The directory of the publisher `local` in a data directory.
pub(super) fn dir_in(data_dir: &Path) -> PathBuf {
    data_dir.join("published")
}
