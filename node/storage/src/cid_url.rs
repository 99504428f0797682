//! Data by CID from a URL template: an archive, verified block by block as it is read, or a file, used only if a known
//! import profile yields the CID. Fetched completely; the last source.

use std::path::PathBuf;
use std::sync::Arc;

use bacalhau_receipt::Checked;
use bacalhau_tree::{HostFailure, Tree};

use super::backed::Backed;
use super::subtree::Subtree;
use super::unsealed::{apart, is_archive, render_names};
use super::{CidSource, Fetching, Opened, Source, SourceError, Storage, Template, UrlStorage, absent, failed};
use bacalhau_cas::{
    BlockSource, LocalBlockstore as _,
    car::CarFile,
    unixfs::import::Finding,
    unixfs::{DagTree, import},
};
use bacalhau_files::temporary::{self, TempFile};

/// The storage of data by CID behind URLs.
#[derive(Debug)]
pub struct CidUrlStorage {
    template: Template,
    urls: UrlStorage,
    spool_dir: PathBuf,
    /// Blocks to compare files with.
    blocks: Arc<dyn BlockSource>,
}

impl CidUrlStorage {
    /// Data at the URLs of `template`, fetched by `fetching`, and compared with available `blocks`.
    ///
    /// # Errors
    /// When the template does not begin with `http://` or `https://` and a host.
    pub fn new(template: Template, fetching: Fetching, blocks: Arc<dyn BlockSource>) -> Result<Self, SourceError> {
        Self::check(&template)?;
        let spool_dir = fetching.spool_dir.clone();
        Ok(Self { template, urls: UrlStorage::new(fetching), spool_dir, blocks })
    }

    /// Checks `template` as [`new`](Self::new) does.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn check(template: &Template) -> Result<(), SourceError> {
        let fixed = template.fixed_part();
        let host = fixed.strip_prefix("https://").or_else(|| fixed.strip_prefix("http://"));
        if host.is_none_or(|host| host.split_once('/').is_none_or(|(host, _)| host.is_empty())) {
            let why = "has to begin with a URL, as in https://host/data/{{.Cid}}.car";
            return Err(SourceError::Template { template: template.to_string(), why });
        }
        Ok(())
    }

    /// Where it may be, under either name of its CID.
    fn places(&self, source: &CidSource) -> Result<Vec<Source>, HostFailure> {
        let urls = render_names(&self.template, source, None)?.into_iter();
        Ok(urls.map(|url| Source::Url { url, sha256: None }).collect())
    }

    fn tree(&self, file: TempFile, source: &CidSource) -> Result<Arc<dyn Tree>, HostFailure> {
        let place = &source.place;
        let mut unless = None;
        if is_archive(file.path()) {
            let index_dir = temporary::dir_in(&self.spool_dir)
                .map_err(|error| HostFailure::at("make a directory in", &self.spool_dir, error))?;
            let holds = |car: CarFile| Ok(car.size_of(&place.cid)?.map(|_| car));
            match CarFile::open(file.path(), index_dir.path()).and_then(holds) {
                Ok(Some(car)) => {
                    let blocks: Arc<dyn BlockSource> = Arc::new(car);
                    let tree = DagTree::open(blocks, &place.cid, &place.path).map_err(failed)?;
                    return Ok(Arc::new(Backed::of(tree, (file, index_dir))));
                }
                Ok(None) => unless = Some(format!("the archive that the server sent does not hold {}", place.cid)),
                Err(error) => unless = Some(error.to_string()),
            }
        }
        // Data may be an archive itself.
        let whole = Backed::new(file).map_err(|error| HostFailure::io("open a fetched file", error))?;
        let finding = apart(|| import::prove(&whole, &place.cid, Arc::clone(&self.blocks)))?.map_err(failed)?;
        match (finding, unless) {
            (Finding::Proved(_), _) => {
                Subtree::of(Arc::new(whole), &place.path).map_err(|error| absent(&place.path, &place.cid, error))
            }
            (_, Some(unless)) => Err(HostFailure::new(unless)),
            (Finding::Disproved(why), None) => {
                Err(HostFailure::new(format!("the received data is not that of {}: {why}", place.cid)))
            }
            (Finding::Open, None) => Err(HostFailure::new(format!(
                "the received data could not be verified as {}: it is other data, or must be sent as a CAR",
                place.cid
            ))),
        }
    }

    /// Fetches from the first URL that has it.
    fn fetch(&self, source: &CidSource) -> Result<(Source, TempFile), HostFailure> {
        let mut failed = None;
        for url in self.places(source)? {
            match self.urls.fetch_file(&url) {
                Ok(file) => return Ok((url, file)),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        Err(failed.unwrap_or_else(|| HostFailure::new("the template names no URL")))
    }
}

impl Storage for CidUrlStorage {
    fn name(&self) -> &'static str {
        "url"
    }

    fn has_locally(&self, _source: &Source) -> Result<bool, HostFailure> {
        Ok(false)
    }

    fn size(&self, source: &Source) -> Result<Option<u64>, HostFailure> {
        for url in self.places(source.cid("CIDs behind URLs")?)? {
            if let Some(size) = self.urls.size(&url)? {
                return Ok(Some(size));
            }
        }
        Ok(None)
    }

    fn open(&self, source: &Source) -> Result<Opened, HostFailure> {
        let source = source.cid("CIDs behind URLs")?;
        let (url, file) = self.fetch(source)?;
        let tree = self.tree(file, source)?;
        Ok(Opened::by(self.name(), url.recorded(), Checked::Verified, tree))
    }
}
