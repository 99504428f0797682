//! Pieces of a provider behind URLs, as `https://provider/piece/CID`. The first time a piece is downloaded and checked whole;
//! later only the parts that a program reads are, if the server has ranges.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bacalhau_cas::{
    FileBytes,
    piece::{Commitment, Layer},
};
use bacalhau_files::temporary::TempFile;
use bacalhau_http::{Client, Terms};
use bacalhau_receipt::Checked;
use bacalhau_tree::{HostFailure, ReadAt, Tree};
use url::Url;

use super::super::backed::Backed;
use super::super::unsealed::{apart, render_names};
use super::super::{CidSource, CidUrlStorage, Fetching, Opened, Source, SourceError, Storage, Template, UrlStorage};
use super::kept::{Kept, PIECE_TREES, layer_of};
use super::piece_of;
use super::ranges::Ranges;
use super::reading::Reading;

/// Connections to one server that are kept.
const IDLE_CONNECTIONS: usize = 2;

/// The storage of pieces behind the URLs of one template.
#[derive(Debug)]
pub struct PieceUrls {
    template: Template,
    urls: UrlStorage,
    client: Client,
    fetching: Fetching,
    /// What is known of pieces.
    dir: PathBuf,
}

impl PieceUrls {
    /// Pieces at the URLs of `template`, fetched by `fetching`. What is found out about them is kept in `dir`, the data
    /// directory.
    ///
    /// # Errors
    /// When the template does not begin with `http://` or `https://` and a host.
    pub fn new(template: Template, fetching: Fetching, dir: &Path) -> Result<Self, SourceError> {
        Self::check(&template)?;
        let client = Client::new(Terms {
            reach: fetching.reach,
            patience: fetching.patience,
            total: None,
            idle_connections: IDLE_CONNECTIONS,
        });
        let urls = UrlStorage::new(fetching.clone());
        Ok(Self { template, urls, client, fetching, dir: dir.join(PIECE_TREES) })
    }

    /// Checks `template` as [`new`](Self::new) does.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn check(template: &Template) -> Result<(), SourceError> {
        CidUrlStorage::check(template)
    }

    /// The URL of the piece.
    fn url(&self, source: &CidSource) -> Result<Source, HostFailure> {
        let url = render_names(&self.template, source, None)?.into_iter().next();
        let url = url.ok_or_else(|| HostFailure::new("the template names no URL"))?;
        Ok(Source::Url { url, sha256: None })
    }

    /// The file of the server, if it has ranges.
    fn ranges(&self, url: &Source) -> Result<Option<Ranges>, HostFailure> {
        let shown = url.recorded();
        let unusable = |why: String| HostFailure::new(format!("cannot read {shown}: {why}"));
        let parsed = Url::parse(&url.to_string()).map_err(|error| unusable(error.to_string()))?;
        Ranges::open(self.client.clone(), parsed, shown.clone(), self.fetching.patience)
            .map_err(|error| unusable(error.to_string()))
    }

    /// Downloads all of the piece. It is checked whole if nothing is known of it.
    fn open_whole(
        &self,
        url: &Source,
        source: &CidSource,
        piece: Commitment,
        kept: Kept,
    ) -> Result<Arc<dyn Tree>, HostFailure> {
        let (file, shown) = (self.urls.fetch_file(url)?, url.recorded());
        let known = kept.layer(&piece);
        let is_fresh = known.is_none();
        let layer = known.map_or_else(|| check(&file, &shown, source, &piece, &kept), Ok)?;
        let opened = file.as_file().try_clone().map_err(|error| HostFailure::at("open", file.path(), error))?;
        let bytes: Arc<dyn ReadAt> = Arc::new(FileBytes(opened));
        let reading = Reading::checked(&shown, source, piece, layer, bytes, kept, is_fresh)?;
        let tree = reading.tree(&reading.contents(|| true)?, source)?;
        Ok(Arc::new(Backed::over(tree, file)))
    }
}

/// Computes the layer of the piece in `file`, and keeps it.
fn check(
    file: &TempFile,
    shown: &str,
    source: &CidSource,
    piece: &Commitment,
    kept: &Kept,
) -> Result<Layer, HostFailure> {
    let layer = apart(|| layer_of(file.path(), piece, None))??;
    let wrong = |why| HostFailure::new(format!("{shown} is not the piece {}: {why}", source.place.cid));
    let layer = layer.map_err(wrong)?;
    kept.put_layer(&layer)?;
    Ok(layer)
}

impl Storage for PieceUrls {
    fn name(&self) -> &'static str {
        "piece-url"
    }

    fn has_locally(&self, _source: &Source) -> Result<bool, HostFailure> {
        Ok(false)
    }

    fn size(&self, source: &Source) -> Result<Option<u64>, HostFailure> {
        Ok(Some(piece_of(source)?.1.payload_size()))
    }

    fn open(&self, source: &Source) -> Result<Opened, HostFailure> {
        let (source, piece) = piece_of(source)?;
        let url = self.url(source)?;
        let kept = Kept::new(self.dir.join(source.place.cid.to_string()));
        let known = kept.layer(&piece).zip(kept.contents());
        let ranges = if known.is_some() { self.ranges(&url)? } else { None };
        let tree = match (known, ranges) {
            (Some((layer, contents)), Some(ranges)) => {
                let reading = Reading::checked(&url.recorded(), source, piece, layer, Arc::new(ranges), kept, false)?;
                reading.by_parts().tree(&contents, source)?
            }
            _ => self.open_whole(&url, source, piece, kept)?,
        };
        Ok(Opened::by(self.name(), url.recorded(), Checked::Verified, tree))
    }
}
