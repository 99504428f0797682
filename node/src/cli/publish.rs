//! The flags that say where results are published.

use std::path::{Path, PathBuf};

use bacalhau_runtime::Publication;
use clap::{Args, ValueEnum};

use super::content::Content;
use super::exit::Failure;
use crate::cas::unixfs::import::Profile;
use crate::embedded::Execution;
use crate::node::Node;
use crate::publisher::{IpfsPublisher, LocalPublisher, Publisher};
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

    /// Publishes the results of `chosen`, whose receipt remembers where.
    ///
    /// # Errors
    /// When they cannot be published; they are still where they were.
    pub(super) fn publish(
        &self,
        content: &Content,
        node: Option<&Node>,
        executions: &mut [Execution],
        chosen: Option<u16>,
    ) -> Result<(), Failure> {
        let chosen = executions.iter_mut().find(|run| Some(run.number) == chosen);
        let Some(publisher) = self.publisher(content, node)? else { return Ok(()) };
        let Some(run) = chosen else { return Ok(()) };
        let results = run.results();
        if let Ok(receipt) = &mut run.outcome {
            let published: Publication = publisher.publish(&results, &receipt.claim.h1)?;
            receipt.unclaimed.published.push(published);
        }
        Ok(())
    }

    fn publisher(&self, content: &Content, node: Option<&Node>) -> Result<Option<Box<dyn Publisher>>, Failure> {
        let Some(name) = self.publisher else { return Ok(None) };
        let data_dir = content.place.path()?;
        let serving = serving::find(&data_dir).unwrap_or_default();
        Ok(match (name, node) {
            (PublisherName::Local, _) => {
                let own = dir_in(&data_dir);
                let url = self.publish_url.clone().or(serving.http.filter(|_| self.publish_dir.is_none()));
                let dir = self.publish_dir.clone().unwrap_or(own);
                let dir = std::path::absolute(&dir).unwrap_or(dir);
                Some(Box::new(LocalPublisher::new(dir, url)))
            }
            (PublisherName::Ipfs, Some(node)) => {
                let (store, kubos) = (node.store().clone(), node.kubos().to_vec());
                Some(Box::new(IpfsPublisher::new(store, kubos, self.import_profile, serving.peers)))
            }
            (PublisherName::Ipfs, None) => None,
        })
    }
}

/// The directory of the publisher `local` in a data directory.
pub(super) fn dir_in(data_dir: &Path) -> PathBuf {
    data_dir.join("published")
}
