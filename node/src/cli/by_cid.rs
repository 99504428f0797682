//! The flags of commands that read modules and inputs by CID: beside the blocks of others, copies of one's own and
//! downloads, and when to fetch.

use std::error::Error;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::content::Content;
use super::exit::Failure;
use super::talk::Talk;
use crate::node::Node;
use crate::storage::{CidUrlStorage, Fetch, SourceError, Template, UnsealedStorage, UnsealedVerify};

/// See the module.
#[derive(Args, Debug)]
#[command(next_help_heading = "Data by CID")]
pub(super) struct ByCid {
    #[command(flatten)]
    pub(super) content: Content,

    /// When blocks are fetched: as the program reads them, or all before it starts
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    ipfs_fetch: FetchName,

    /// Where unsealed copies lie: a directory, a file or a CAR for each CID, as in `/var/lib/data/{{.Cid}}`
    #[arg(long, value_name = "TEMPLATE", env = "BACALHAU_FILECOIN_UNSEALED_PATH")]
    filecoin_unsealed_path: Option<String>,

    /// Whether unsealed directories and files are checked against their CID: never, when first used as far as that can
    /// be done, or always, refusing what cannot be proved. What is proved wrong is never used. Blocks of a CAR are always checked
    #[arg(long, value_enum, value_name = "POLICY", default_value_t)]
    unsealed_verify: VerifyName,

    /// Where to download what nobody else has: a CAR or a file for each CID, as in `https://host/{{.Cid}}.car`
    #[arg(long, value_name = "TEMPLATE", env = "BACALHAU_CID_URL")]
    cid_url: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum FetchName {
    #[default]
    Lazy,
    Eager,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum VerifyName {
    Never,
    #[default]
    Lazy,
    Full,
}

impl ByCid {
    /// A node that reads from all that the flags name.
    ///
    /// # Errors
    /// When a flag makes no sense, or the node cannot be started.
    pub(super) fn node(&self, talk: &Arc<Talk>) -> Result<Node, Failure> {
        self.node_that(talk, false)
    }

    /// The same; one that `dials` can connect to peers that nobody has named yet, and serve them.
    ///
    /// # Errors
    /// As for [`node`](Self::node).
    pub(super) fn node_that(&self, talk: &Arc<Talk>, dials: bool) -> Result<Node, Failure> {
        let mut config = self.content.config(talk, Vec::new())?;
        let verify = match self.unsealed_verify {
            VerifyName::Never => UnsealedVerify::Never,
            VerifyName::Lazy => UnsealedVerify::Lazy,
            VerifyName::Full => UnsealedVerify::Full,
        };
        let (unsealed, cid_url) = self.templates()?;
        config.unsealed = unsealed.map(|template| (template, verify));
        config.cid_url = cid_url;
        config.dials = dials;
        config.fetch = if self.ipfs_fetch == FetchName::Eager { Fetch::Eager } else { Fetch::Lazy };
        Ok(Node::start(config)?)
    }

    /// Whether the flags make sense, also where nothing will need them.
    ///
    /// # Errors
    /// When one does not.
    pub(super) fn check(&self) -> Result<(), Failure> {
        self.templates()?;
        self.content.peers().map(drop)
    }

    /// Of unsealed copies, and of URLs.
    fn templates(&self) -> Result<(Option<Template>, Option<Template>), Failure> {
        Ok((
            template("--filecoin-unsealed-path", self.filecoin_unsealed_path.as_ref(), UnsealedStorage::check)?,
            template("--cid-url", self.cid_url.as_ref(), CidUrlStorage::check)?,
        ))
    }
}

fn template(
    flag: &str,
    text: Option<&String>,
    check: fn(&Template) -> Result<(), SourceError>,
) -> Result<Option<Template>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let failed = |error: &dyn Error| Failure::usage(format!("{flag}: {error}"));
    let template = Template::parse(text).map_err(|error| failed(&error))?;
    check(&template).map_err(|error| failed(&error))?;
    Ok(Some(template))
}
