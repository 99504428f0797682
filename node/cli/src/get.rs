//! `bacalhau get`: fetches results of a job from its server, or published results by receipt or CID, and checks them
//! against vote, receipt and CID.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bacalhau_runtime::{HostFailure, HostTree, Kind, Publication, Receipt, Tree as _, dirhash};
use clap::Args;
use serde::Serialize;

use super::content::Content;
use super::exit::{Exit, Failure};
use super::output::{self, Format, Lines, Paint, Render};
use super::output_dir::OutputDir;
use super::progress_output::Ui;
use super::recorded::Recorded;
use super::server::Server;
use super::{empty_directories, hash, job, published_objects, save_results, text};
use bacalhau_cas::{
    BlockSource, CidPath,
    unixfs::{DagTree, Unpack},
};
use bacalhau_exchange::ProviderAddress;
use bacalhau_http::Reach;
use bacalhau_job::JobId;
use bacalhau_objects::ObjectUrl;
use bacalhau_storage::{Fetching, LocalStorage, Source, SourceError, Sources, Storage, UrlStorage, read_file};

/// Maximum size of a receipt in bytes. A file takes about 200 bytes in it.
const MAX_RECEIPT_BYTES: u64 = 64 << 20;
const PATIENCE: Duration = Duration::from_mins(1);
/// Maximum number of published places that are tried. The author of the receipt chooses them.
const MAX_PLACES: usize = 32;
const EXAMPLES: &str = "Examples:
  bacalhau get receipt.json --output-dir ./results
      from the places where the receipt says they were published
  bacalhau get bafybei… --output-dir ./results --ipfs-connect /ip4/…/tcp/…/p2p/ID
  bacalhau get jkxe5v2q --api-host node7
      from the server of the job; results of several shards go into shards/N/results";

/// Fetch results, and check them against vote, receipt and CID
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Get {
    /// Job id or unique prefix on a server; a receipt (path or URL); or the CID of a results directory
    what: String,

    /// Output directory: new, empty, or with earlier results [default: ./bacalhau-JOB or ./CID]
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    recorded: Recorded,

    #[command(flatten)]
    content: Content,

    #[command(flatten)]
    server: Server,
}

/// The output for a job of a server.
#[derive(Debug, Serialize)]
struct GotJob {
    job: JobId,
    /// URL of the server.
    from: String,
    shards: Vec<GotShard>,
    output_dir: PathBuf,
}

/// The result of a shard.
#[derive(Debug, Serialize)]
struct GotShard {
    /// Shard number, from 0.
    shard: usize,
    /// `h1:` hash of the results, which was voted for.
    h1: Option<String>,
    /// Why there is no result.
    state: Option<String>,
}

/// The output for a receipt or CID.
#[derive(Debug, Serialize)]
struct Got {
    /// `h1:` hash of the fetched results; equal to that of the receipt.
    h1: String,
    cid: Option<String>,
    /// Source of the results.
    from: String,
    files: usize,
    bytes: u64,
    output_dir: PathBuf,
}

impl Get {
    /// Fetches, checks and stores the results.
    ///
    /// # Errors
    /// When no source has the results or they differ; nothing is stored then.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let ui = Ui::new(false);
        let place = OutputDir::plan(self.output_dir.as_deref())?;
        let finished = place.staging().join("finished");
        fs::create_dir(&finished).map_err(|error| HostFailure::at("create the directory", &finished, error))?;
        let results = finished.join("results");
        let source = match Source::parse(&self.what) {
            Err(SourceError::Missing { .. }) if job::is_name(&self.what) => {
                return self.fetch_job(&ui, place, &finished);
            }
            source => source?,
        };
        let got = match source {
            Source::Cid(source) => {
                let cid = self.fetch_dag(&ui, &source.place, Vec::new(), Unpack::default(), &results)?;
                let name = source.place.name().map_or_else(|| source.place.cid.to_string(), str::to_owned);
                (Some(cid), format!("ipfs://{}", source.place), name)
            }
            source => {
                let receipt = read_receipt(&ui, &source, place.staging())?;
                let (cid, from) = self.fetch_published(&ui, &receipt, &results)?;
                save_results::write_receipt(&receipt, &finished)?;
                (cid, from, save_results::default_name(&receipt.claim.job_cid))
            }
        };
        let (cid, from, name) = got;
        let found = dirhash::hash_dir(&results, "results").map_err(|error| hash::explain(&error))?;
        let bytes = found.files.iter().map(|file| file.size).sum();
        let output_dir = place.publish(&finished, &name)?;
        let answer = Got { h1: found.h1, cid, from, files: found.files.len(), bytes, output_dir };
        output::print(self.output, &answer)?;
        Ok(Exit::Success)
    }

    /// Fetches the results of a job from its server.
    fn fetch_job(&self, ui: &Arc<Ui>, place: OutputDir, finished: &Path) -> Result<Exit, Failure> {
        let base = self.server.named_or_own(&self.content.place.path()?)?;
        let client = self.server.client_of(&base, &self.content.place.path()?, ui)?;
        let fetched = job::fetch(&client, &self.what, finished, ui, |shard| {
            shard.receipt.as_ref().map_or_else(Unpack::default, bounds_of)
        })?;
        let exit = fetched.exit();
        let output_dir = place.publish(finished, &format!("bacalhau-{}", fetched.job.short()))?;
        let shards = fetched.shards.into_iter().enumerate().map(|(shard, found)| match found {
            Ok(h1) => GotShard { shard, h1: Some(h1), state: None },
            Err(state) => GotShard { shard, h1: None, state: Some(state) },
        });
        let answer = GotJob { job: fetched.job, from: base, shards: shards.collect(), output_dir };
        output::print(self.output, &answer)?;
        Ok(exit)
    }

    /// Fetches from the first published place that has the claimed results.
    fn fetch_published(
        &self,
        ui: &Arc<Ui>,
        receipt: &Receipt,
        results: &Path,
    ) -> Result<(Option<String>, String), Failure> {
        let mut said = Vec::new();
        for (publication, place) in places(&receipt.unclaimed.published) {
            let fetched =
                self.fetch_from(ui, receipt, publication, &place, results).and_then(|()| check(receipt, results));
            match fetched {
                Ok(()) => return Ok((publication.cid.map(|cid| cid.to_string()), place.to_string())),
                Err(failure) => said.push(format!("{place}: {}", failure.without_result().message)),
            }
            if results.exists() {
                fs::remove_dir_all(results).map_err(|error| HostFailure::at("remove", results, error))?;
            }
        }
        if said.is_empty() {
            return Err(Failure::usage(
                "the receipt does not say where its results were published: run the job with --publisher",
            ));
        }
        Err(HostFailure::new(format!("no source has the results of the receipt ({})", said.join("; "))).into())
    }

    fn fetch_from(
        &self,
        ui: &Arc<Ui>,
        receipt: &Receipt,
        publication: &Publication,
        place: &From<'_>,
        results: &Path,
    ) -> Result<(), Failure> {
        match place {
            From::Path(path) => {
                let tree = HostTree::open(path).map_err(|error| HostFailure::at("open", path, error))?;
                bounds_of(receipt).write(&tree, results, &mut |_| ())?;
                Ok(())
            }
            From::Url(url) => fetch_files(ui, receipt, url, results, self.recorded),
            From::Objects(url) => Ok(published_objects::fetch(url, results, bounds_of(receipt), PATIENCE)?),
            From::Peers => {
                let Some(cid) = publication.cid else { return Ok(()) };
                let peers = publication.places.iter().filter_map(|text| text.parse().ok());
                let peers = peers.filter(|peer| matches!(peer, ProviderAddress::Bitswap(_))).take(MAX_PLACES);
                let place = CidPath::of(cid.cid());
                self.fetch_dag(ui, &place, peers.collect(), bounds_of(receipt), results).map(drop)
            }
        }
    }

    fn fetch_dag(
        &self,
        ui: &Arc<Ui>,
        place: &CidPath,
        first: Vec<ProviderAddress>,
        bounds: Unpack,
        results: &Path,
    ) -> Result<String, Failure> {
        let node = self.content.node_with(ui, first)?;
        let blocks: Arc<dyn BlockSource> = Arc::clone(node.exchange()) as _;
        let tree = DagTree::open(blocks, &place.cid, &place.path)?;
        let stat = tree.stat("").map_err(|error| HostFailure::io(format!("read {place}"), error))?;
        if stat.kind != Kind::Dir {
            return Err(Failure::usage(format!(
                "{place} is a file, and results are a directory: see bacalhau ipfs get"
            )));
        }
        node.exchange().fetch_dag(tree.cid());
        bounds.write(&tree, results, &mut |_| ())?;
        ui.done();
        node.exchange().settle()?;
        Ok(tree.cid().to_string())
    }
}

fn read_receipt(ui: &Arc<Ui>, source: &Source, spool_dir: &Path) -> Result<Receipt, Failure> {
    // The user named this source.
    let fetching = fetching(ui, spool_dir, MAX_RECEIPT_BYTES, Reach::Named);
    let sources = Sources::new(LocalStorage::default(), fetching, Vec::new());
    let tree = sources.open(source)?.tree;
    let bytes = read_file(&*tree, MAX_RECEIPT_BYTES)
        .map_err(|error| HostFailure::io(format!("read the receipt {}", source.recorded()), error))?;
    Receipt::parse(&bytes).map_err(|error| Failure::refused(format!("{}: {error}", source.recorded())))
}

/// A possible source of results.
enum From<'a> {
    /// A path on this machine.
    Path(&'a Path),
    /// A URL, file by file.
    Url(&'a str),
    /// Objects, with the credentials of the user.
    Objects(ObjectUrl),
    /// Peers, by CID.
    Peers,
}

impl std::fmt::Display for From<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Url(url) => f.write_str(url),
            Self::Objects(url) => url.fmt(f),
            Self::Peers => f.write_str("ipfs"),
        }
    }
}

/// The published places, nearest first.
fn places(published: &[Publication]) -> Vec<(&Publication, From<'_>)> {
    let mut places = Vec::new();
    for publication in published {
        for place in &publication.places {
            let path = Path::new(place);
            if place.starts_with("http://") || place.starts_with("https://") {
                places.push((publication, From::Url(place)));
            } else if let Ok(url) = place.parse() {
                places.push((publication, From::Objects(url)));
            } else if path.is_absolute() && path.is_dir() {
                places.push((publication, From::Path(path)));
            }
        }
        if publication.cid.is_some() {
            places.push((publication, From::Peers));
        }
    }
    places.sort_by_key(|(_, place)| !matches!(place, From::Path(_)));
    places.truncate(MAX_PLACES);
    places
}

/// Maximum size of the results of `receipt`. Published places are not part of the claim and may serve anything.
pub(super) fn bounds_of(receipt: &Receipt) -> Unpack {
    let files = &receipt.claim.files;
    let most = Unpack::default();
    let bytes = files.iter().fold(0, |sum: u64, file| sum.saturating_add(file.bytes));
    let names: usize = files.iter().map(|file| file.name.split('/').count()).sum();
    Unpack {
        max_bytes: bytes.min(most.max_bytes),
        // Empty directories are not in the list of files.
        max_entries: (names as u64).saturating_add(receipt.claim.job.limits.output_files).min(most.max_entries),
        ..most
    }
}

/// Fetches each file of the claim below `url`, checks it against its hash, and creates the listed empty directories.
fn fetch_files(ui: &Arc<Ui>, receipt: &Receipt, url: &str, results: &Path, recorded: Recorded) -> Result<(), Failure> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |error| HostFailure::at("write", &path, error)
    };
    fs::create_dir(results).map_err(failed(results))?;
    let base = url::Url::parse(&format!("{}/", url.trim_end_matches('/')))
        .map_err(|error| Failure::refused(format!("{url} is not a valid URL: {error}")))?;
    let (reach, explain) = (recorded.reach(), |failure: HostFailure| recorded.explain(failure));
    for file in &receipt.claim.files {
        let malformed = || {
            Failure::refused(format!("the receipt has a file {:?}, which is not a valid file of results", file.name))
        };
        if !file.name.split('/').all(|name| !matches!(name, "" | "." | "..")) || file.name.contains(['\0', '\\']) {
            return Err(malformed());
        }
        let mut at = base.clone();
        at.path_segments_mut().map_err(|()| malformed())?.pop_if_empty().extend(file.name.split('/'));
        let digest = Source::parse(&format!("{at}#sha256={}", file.sha256))?;
        let storage = UrlStorage::new(fetching(ui, results, file.bytes, reach));
        let fetched = storage.fetch_file(&digest).map_err(explain)?;
        let target = results.join(&file.name);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(failed(parent))?;
        }
        fetched.persist(&target).map_err(failed(&target))?;
    }
    empty_directories::fetch(&base, results, bounds_of(receipt).max_entries, reach, PATIENCE).map_err(explain)?;
    ui.done();
    Ok(())
}

fn check(receipt: &Receipt, results: &Path) -> Result<(), Failure> {
    let found = dirhash::hash_dir(results, "results").map_err(|error| hash::explain(&error))?;
    if found.h1 == receipt.claim.h1 {
        return Ok(());
    }
    Err(HostFailure::new(format!("the fetched results differ from the receipt: they have the hash {}", found.h1))
        .into())
}

fn fetching(ui: &Arc<Ui>, spool_dir: &Path, max_bytes: u64, reach: Reach) -> Fetching {
    Fetching { max_bytes, patience: PATIENCE, reach, spool_dir: spool_dir.into(), progress: ui.progress() }
}

impl Render for GotJob {
    fn table(&self, paint: Paint) -> String {
        let mut lines = Lines::default();
        lines.add("job", self.job.to_string());
        lines.add("from", text::harmless(&self.from));
        for GotShard { shard, h1, state } in &self.shards {
            let found = match (h1, state) {
                (Some(h1), _) => paint.green(h1),
                (None, state) => paint.red(&format!("no results: {}", state.as_deref().unwrap_or("unknown"))),
            };
            let name = if self.shards.len() == 1 { "h1".into() } else { format!("shard {shard}") };
            lines.add(&name, found);
        }
        let place = if self.shards.len() == 1 { "results" } else { "shards" };
        lines.add("results", self.output_dir.join(place).display().to_string());
        lines.into_text()
    }
}

impl Render for Got {
    fn table(&self, paint: Paint) -> String {
        let mut lines = Lines::default();
        lines.add("h1", paint.green(&self.h1));
        if let Some(cid) = &self.cid {
            lines.add("cid", cid);
        }
        lines.add("from", text::harmless(&self.from));
        let files = text::count(self.files, "file");
        lines.add(
            "results",
            format!("{}  ({files}, {})", self.output_dir.join("results").display(), text::bytes(self.bytes)),
        );
        lines.into_text()
    }
}
