//! The flags that say where results are published.

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
    /// of --ipfs-connect; `local` into a directory that can be served over HTTP. `bacalhau ipfs serve` serves both
    #[arg(short, long, value_enum, value_name = "NAME")]
    publisher: Option<PublisherName>,

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
    Ipfs,
    Local,
}

impl Publish {
    /// Whether it takes a node to publish.
    pub(super) fn needs_node(&self) -> bool {
        self.publisher == Some(PublisherName::Ipfs)
    }

    /// Who publishes, as a job says it.
    pub(super) fn kind(&self) -> Option<PublisherKind> {
        self.publisher.map(|name| match name {
            PublisherName::Ipfs => PublisherKind::Ipfs,
            PublisherName::Local => PublisherKind::Local,
        })
    }

    /// Where a node of this process publishes.
    ///
    /// # Errors
    /// When no data directory is known.
    pub(super) fn places(&self, content: &Content) -> Result<PublishPlaces, Failure> {
        let Some(_) = self.publisher else { return Ok(PublishPlaces::default()) };
        let data_dir = content.place.path()?;
        let serving = serving::find(&data_dir).unwrap_or_default();
        let dir = self.publish_dir.clone().unwrap_or_else(|| dir_in(&data_dir));
        Ok(PublishPlaces {
            profile: self.import_profile,
            url: self.publish_url.clone().or(serving.http.filter(|_| self.publish_dir.is_none())),
            dir: std::path::absolute(&dir).unwrap_or(dir),
            peers: serving.peers,
        })
    }
}

/// The directory of the publisher `local` in a data directory.
pub(super) fn dir_in(data_dir: &Path) -> PathBuf {
    data_dir.join("published")
}
