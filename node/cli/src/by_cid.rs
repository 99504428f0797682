//! The flags of commands that read modules and inputs by CID: block sources, unsealed copies, downloads, and when to
//! fetch.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::content::Content;
use super::exit::Failure;
use super::progress_output::Ui;
use bacalhau_service::node::{Node, PiecePlaces};
use bacalhau_storage::{
    CidUrlStorage, Fetch, PieceCopies, PieceUrls, SourceError, Template, UnsealedStorage, UnsealedVerify,
};

/// Flags of commands that read data by CID.
#[derive(Args, Debug)]
#[command(next_help_heading = "Data by CID")]
pub(super) struct ByCid {
    #[command(flatten)]
    pub(super) content: Content,

    /// When blocks are fetched: as the program reads them (`lazy`), or all before it starts (`eager`)
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    ipfs_fetch: FetchName,

    /// Path template of unsealed copies: a directory, a file or a CAR for each CID, as in `/var/lib/data/{{.Cid}}`
    #[arg(long, value_name = "TEMPLATE", env = "BACALHAU_FILECOIN_UNSEALED_PATH")]
    filecoin_unsealed_path: Option<String>,

    /// Check of unsealed directories and files against their CID: `never`; `lazy`, at first use if the data can be
    /// checked; `full`, and reject data that cannot be checked. Data with a wrong CID is never used. Blocks of a CAR
    /// are always checked. Of pieces: `lazy`, all of a piece once and then each part that is read; `full`, all of each
    /// copy once too
    #[arg(long, value_enum, value_name = "POLICY", default_value_t)]
    unsealed_verify: VerifyName,

    /// URL template to download CIDs that no other source has: a CAR or a file for each, as in
    /// `https://host/{{.Cid}}.car`
    #[arg(long, value_name = "TEMPLATE", env = "BACALHAU_CID_URL")]
    cid_url: Option<String>,

    /// Path template of pieces of Filecoin: a file for each piece CID, as in `/data/pieces/{{.PieceCid}}`. Also
    /// `{{.PieceCidV1}}` for its CID of version 1, and `{{.Number}}` for its number in `--piece-numbers`. Repeat it for
    /// other places
    #[arg(long, value_name = "TEMPLATE", value_delimiter = ',', env = "BACALHAU_PIECE_PATH")]
    piece_path: Vec<String>,

    /// File with numbers of pieces, such as those of their sectors: a piece CID and a number a line. Maximum 64 MiB
    #[arg(long, value_name = "FILE", env = "BACALHAU_PIECE_NUMBERS")]
    piece_numbers: Option<PathBuf>,

    /// URL template of pieces of Filecoin, asked after `--piece-path`, as in `https://provider/piece/{{.PieceCid}}`. Repeat
    /// it for other providers
    #[arg(long, value_name = "TEMPLATE", value_delimiter = ',', env = "BACALHAU_PIECE_URL")]
    piece_url: Vec<String>,
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
    /// A node that reads from the sources of the flags.
    ///
    /// # Errors
    /// When a flag is invalid or the node cannot be started.
    pub(super) fn node(&self, ui: &Arc<Ui>) -> Result<Node, Failure> {
        self.node_that(ui, false)
    }

    /// Like [`node`](Self::node). With `dials`, it can also connect to peers that are not known yet, and serve them.
    ///
    /// # Errors
    /// When a flag is invalid or the node cannot be started.
    pub(super) fn node_that(&self, ui: &Arc<Ui>, dials: bool) -> Result<Node, Failure> {
        let mut config = self.content.config(ui, Vec::new())?;
        let verify = match self.unsealed_verify {
            VerifyName::Never => UnsealedVerify::Never,
            VerifyName::Lazy => UnsealedVerify::Lazy,
            VerifyName::Full => UnsealedVerify::Full,
        };
        let (unsealed, cid_url) = self.templates()?;
        config.unsealed = unsealed.map(|template| (template, verify));
        config.cid_url = cid_url;
        config.pieces = PiecePlaces { verify, ..self.pieces()? };
        config.dials = dials;
        config.fetch = if self.ipfs_fetch == FetchName::Eager { Fetch::Eager } else { Fetch::Lazy };
        Ok(Node::start(config)?)
    }

    /// Validates the flags, also those that will not be used.
    ///
    /// # Errors
    /// When one is invalid.
    pub(super) fn check(&self) -> Result<(), Failure> {
        self.templates()?;
        self.pieces()?;
        self.content.routing()?;
        self.content.peers().map(drop)
    }

    /// The templates of unsealed copies and of URLs.
    fn templates(&self) -> Result<(Option<Template>, Option<Template>), Failure> {
        Ok((
            template("--filecoin-unsealed-path", self.filecoin_unsealed_path.as_ref(), UnsealedStorage::check)?,
            template("--cid-url", self.cid_url.as_ref(), CidUrlStorage::check)?,
        ))
    }

    /// The places of pieces.
    fn pieces(&self) -> Result<PiecePlaces, Failure> {
        let has_numbers = self.piece_numbers.is_some();
        Ok(PiecePlaces {
            paths: templates("--piece-path", &self.piece_path, |template| PieceCopies::check(template, has_numbers))?,
            numbers: self.piece_numbers.clone(),
            urls: templates("--piece-url", &self.piece_url, PieceUrls::check)?,
            ..PiecePlaces::default()
        })
    }
}

fn template(
    flag: &str,
    text: Option<&String>,
    check: impl Fn(&Template) -> Result<(), SourceError>,
) -> Result<Option<Template>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let failed = |error: &dyn Error| Failure::usage(format!("{flag}: {error}"));
    let template = Template::parse(text).map_err(|error| failed(&error))?;
    check(&template).map_err(|error| failed(&error))?;
    Ok(Some(template))
}

fn templates(
    flag: &str,
    texts: &[String],
    check: impl Fn(&Template) -> Result<(), SourceError>,
) -> Result<Vec<Template>, Failure> {
    texts.iter().filter_map(|text| template(flag, Some(text), &check).transpose()).collect()
}
