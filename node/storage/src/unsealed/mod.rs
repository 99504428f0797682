//! Unsealed copies: data of a storage provider at a path given by a template. A directory or file is read in place, an
//! archive (CAR) block by block; nothing is copied or written.

pub(super) mod place;
pub(super) mod proofs;
mod template;

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bacalhau_receipt::Checked;
use bacalhau_tree::{Entry, HostFailure, HostTree, Kind, Tree};
use bytes::Bytes;
use rayon::ThreadPoolBuilder;
use serde::{Deserialize, Serialize};

use super::local::size_of;
use super::subtree::Subtree;
use super::{CidSource, Opened, Source, SourceError, Storage, absent, failed};
use bacalhau_cas::{
    BlockSource, Cid, CidPath, Code, DAG_PB, DataError, LocalBlockstore, MAX_BLOCK_BYTES,
    car::CarFile,
    piece::Commitment,
    unixfs::import::Finding,
    unixfs::{Bounds, DagTree, Scope, Walk, import},
};
use proofs::{Found, Proofs};

pub use template::{Fields, RenderError, Template, TemplateError};

/// Bytes of a file that are looked at to see whether it is an archive.
const START_BYTES: u64 = 16;

/// Check of copies against their CID.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnsealedVerify {
    /// Directories and files are not checked. Blocks of archives always are, as that is cheap.
    Never,
    /// Checked at first use, and remembered. Wrong data is rejected. Data that can be neither proved nor disproved is
    /// used, and the receipt records that. Blocks of archives are checked as they are read.
    #[default]
    Lazy,
    /// As lazy, but data that cannot be proved is rejected, and archives are checked completely before use.
    Full,
}

/// The storage of data by CID that lies unsealed on this machine.
#[derive(Debug)]
pub struct UnsealedStorage {
    template: Template,
    verify: UnsealedVerify,
    /// Where indexes of archives are kept.
    index_dir: PathBuf,
    proofs: Proofs,
    /// Blocks to compare copies with.
    blocks: Arc<dyn LocalBlockstore>,
}

/// A copy that is there and can be read.
#[derive(Debug)]
struct Copy {
    path: PathBuf,
    form: Form,
}

enum Form {
    Plain {
        /// Why it is not used unless it is proved: it is an archive, and not of the CID. Data may be an archive itself.
        unless: Option<String>,
    },
    Archive(Arc<CarFile>),
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain { .. } => "plain",
            Self::Archive(_) => "archive",
        })
    }
}

impl UnsealedStorage {
    /// Copies at the paths of `template`, compared with available `blocks`. Results of checks are stored in `dir`.
    ///
    /// # Errors
    /// When the template does not begin with a base directory.
    pub fn new(
        template: Template,
        verify: UnsealedVerify,
        dir: &Path,
        blocks: Arc<dyn LocalBlockstore>,
    ) -> Result<Self, SourceError> {
        place::check_template(&template)?;
        let proofs = Proofs::new(dir.join("proofs"));
        Ok(Self { template, verify, index_dir: dir.join("indexes"), proofs, blocks })
    }

    /// Checks `template` as [`new`](Self::new) does.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn check(template: &Template) -> Result<(), SourceError> {
        place::check_template(template)
    }

    /// The copy of `source`; `None` when its path does not exist.
    fn find(&self, source: &CidSource) -> Result<Option<Copy>, HostFailure> {
        for text in self.rendered(source)? {
            if let Some(path) = place::find(&self.template, &text)? {
                return self.look(path, &source.place.cid).map(Some);
            }
        }
        Ok(None)
    }

    fn look(&self, path: PathBuf, cid: &Cid) -> Result<Copy, HostFailure> {
        let named_car = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("car"));
        if !named_car && !is_archive(&path) {
            return Ok(Copy { path, form: Form::Plain { unless: None } });
        }
        let holds = |car: CarFile| Ok(car.size_of(cid)?.map(|_| Arc::new(car)));
        let unless = match CarFile::open(&path, &self.index_dir).and_then(holds) {
            Ok(Some(car)) => return Ok(Copy { path, form: Form::Archive(car) }),
            Ok(None) => format!("the archive {} does not hold {cid}", path.display()),
            Err(error @ DataError::Io { .. }) => return Err(HostFailure::new(error.to_string())),
            Err(error @ DataError::Malformed { .. }) => {
                format!("{error}; the unsealed file of a sector has to be unpadded before it is an archive")
            }
            Err(error) => error.to_string(),
        };
        Ok(Copy { path, form: Form::Plain { unless: Some(unless) } })
    }

    /// Where the copy may be: under either name of its CID.
    fn rendered(&self, source: &CidSource) -> Result<Vec<String>, HostFailure> {
        render_names(&self.template, source, None)
    }

    fn open_plain(
        &self,
        path: &Path,
        unless: Option<&str>,
        source: &CidSource,
    ) -> Result<(Arc<dyn Tree>, Checked), HostFailure> {
        let root = HostTree::open(path).map_err(|error| HostFailure::at("open", path, error))?;
        let checked = self.check_plain(path, unless, &root, source, Log::Always)?;
        let place = &source.place;
        let tree = Subtree::of(Arc::new(root), &place.path).map_err(|error| match checked {
            Checked::Verified => absent(&place.path, &place.cid, error),
            // An unproved copy may lack it.
            _ => HostFailure::io(format!("open {} in {}", place.path, path.display()), error),
        })?;
        Ok((tree, checked))
    }

    /// Whether a directory or file is trusted for `source` without a check.
    fn believes(&self, source: &CidSource) -> bool {
        self.verify == UnsealedVerify::Never && !source.verified
    }

    /// Checks a copy. A wrong one is an error, and logged for the operator.
    fn check_plain(
        &self,
        path: &Path,
        unless: Option<&str>,
        root: &HostTree,
        source: &CidSource,
        log: Log,
    ) -> Result<Checked, HostFailure> {
        let cid = &source.place.cid;
        let stat = root.stat("").map_err(|error| HostFailure::at("look at", path, error))?;
        // Checks by kind are cheap, and done also without reading.
        if unless.is_none() && self.believes(source) && import::disproved_by_kind(stat.kind, cid).is_none() {
            return Ok(Checked::Trusted);
        }
        // Before the comparison with stored results; later changes are detected at the end of the run.
        see_all(root).map_err(|error| HostFailure::at("look at", path, error))?;
        let compared = self.blocks.size_of(cid).map_err(failed)?.is_some();
        let mut is_new = false;
        let prove = || {
            is_new = true;
            let found = apart(|| import::prove(root, cid, Arc::new(AtHand(Arc::clone(&self.blocks)))))?;
            Ok(match found.map_err(failed)? {
                Finding::Proved(proof) => Found::Proved(proof.to_string()),
                Finding::Disproved(why) => Found::Disproved(why),
                Finding::Open => Found::Open,
            })
        };
        match (self.proofs.get_or(path, cid, compared, prove)?, unless) {
            (Found::Proved(_), _) => Ok(Checked::Verified),
            (_, Some(unless)) => Err(HostFailure::new(unless)),
            (Found::Disproved(why), None) => Err(disproved(path, cid, &why, is_new || log == Log::Always)),
            (Found::Open, None) if source.verified => Err(unproved(path, cid, "the job takes verified inputs only")),
            (Found::Open, None) if self.verify == UnsealedVerify::Full => {
                Err(unproved(path, cid, "keep it as a .car, or use --unsealed-verify lazy"))
            }
            (Found::Open, None) => Ok(Checked::Unverified),
        }
    }

    /// Whether the copy may be the data, by a cheap check for each announced job.
    fn check_quickly(&self, path: &Path, unless: Option<&str>, source: &CidSource) -> Result<(), HostFailure> {
        let cid = &source.place.cid;
        let metadata = std::fs::metadata(path).map_err(|error| HostFailure::at("look at", path, error))?;
        let is_small = !metadata.is_file() || metadata.len() <= MAX_BLOCK_BYTES as u64;
        if unless.is_none() && self.believes(source) || is_small && Code::of(cid).is_ok_and(|code| code == Code::Raw) {
            let root = HostTree::open(path).map_err(|error| HostFailure::at("open", path, error))?;
            return self.check_plain(path, unless, &root, source, Log::IfNew).map(drop);
        }
        match (self.proofs.known(path, cid)?, unless) {
            (Some(Found::Proved(_)), _) => Ok(()),
            (_, Some(unless)) => Err(HostFailure::new(unless)),
            (Some(Found::Disproved(why)), None) => Err(disproved(path, cid, &why, false)),
            (Some(Found::Open), None) if source.verified => {
                Err(unproved(path, cid, "the job takes verified inputs only"))
            }
            (_, None) => Ok(()),
        }
    }

    fn open_archive(&self, path: &Path, car: &Arc<CarFile>, place: &CidPath) -> Result<Arc<dyn Tree>, HostFailure> {
        let failed = |error: DataError| match error {
            DataError::NoSuchPath { .. } | DataError::Unusable { .. } => failed(error),
            error => HostFailure::new(format!("{}: {error}", path.display())),
        };
        let blocks: Arc<dyn BlockSource> = Arc::clone(car) as _;
        if self.verify == UnsealedVerify::Full {
            let mut walk = Walk::new(Arc::clone(&blocks), &place.cid, Scope::All, Bounds::default());
            let every = || Found::Proved("every block".into());
            let check = || walk.try_for_each(|block| block.map(drop)).map(|()| every()).map_err(failed);
            self.proofs.get_or(path, &place.cid, false, check)?;
        }
        Ok(Arc::new(DagTree::open(blocks, &place.cid, &place.path).map_err(failed)?))
    }
}

impl Storage for UnsealedStorage {
    fn name(&self) -> &'static str {
        "unsealed"
    }

    fn has_locally(&self, source: &Source) -> Result<bool, HostFailure> {
        let source = source.cid("unsealed copies")?;
        match self.find(source)? {
            None => Ok(false),
            Some(Copy { form: Form::Archive(_), .. }) => Ok(true),
            Some(Copy { path, form: Form::Plain { unless } }) => {
                self.check_quickly(&path, unless.as_deref(), source).map(|()| true)
            }
        }
    }

    fn size(&self, source: &Source) -> Result<Option<u64>, HostFailure> {
        let source = source.cid("unsealed copies")?;
        let Some(copy) = self.find(source)? else { return Ok(None) };
        let failed = |error| HostFailure::at("measure", &copy.path, error);
        match copy.form {
            Form::Plain { .. } => size_of(&copy.path.join(&source.place.path)).map(Some).map_err(failed),
            Form::Archive(car) => {
                let tree = self.open_archive(&copy.path, &car, &source.place)?;
                let stat = tree.stat("").map_err(failed)?;
                // Of a directory only reading it would tell; the archive is not smaller.
                let whole = || std::fs::metadata(&copy.path).map(|found| found.len());
                if stat.size > 0 { Ok(Some(stat.size)) } else { whole().map(Some).map_err(failed) }
            }
        }
    }

    fn open(&self, source: &Source) -> Result<Opened, HostFailure> {
        let source = source.cid("unsealed copies")?;
        let Some(copy) = self.find(source)? else {
            return Err(HostFailure::new(format!("there is no copy at {}", self.rendered(source)?.join(", nor at "))));
        };
        let (tree, checked) = match &copy.form {
            Form::Plain { unless } => self.open_plain(&copy.path, unless.as_deref(), source)?,
            Form::Archive(car) => (self.open_archive(&copy.path, car, &source.place)?, Checked::Verified),
        };
        Ok(Opened::by(self.name(), copy.path.display().to_string(), checked, tree))
    }
}

/// When a copy that is proved wrong is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Log {
    /// When it is newly found.
    IfNew,
    Always,
}

fn unproved(path: &Path, cid: &Cid, then: &str) -> HostFailure {
    let path = path.display();
    HostFailure::new(format!(
        "{path} could not be verified as {cid}: no known import profile yields this CID for it; {then}"
    ))
}

fn disproved(path: &Path, cid: &Cid, why: &str, log: bool) -> HostFailure {
    let text = format!("{} is not the data of {cid}: {why}; replace or remove it", path.display());
    if log {
        tracing::warn!("an unsealed copy is not used: {text}");
    }
    HostFailure::new(text)
}

/// Blocks of a blockstore, by its handle.
#[derive(Debug)]
struct AtHand(Arc<dyn LocalBlockstore>);

impl BlockSource for AtHand {
    fn get(&self, cid: &Cid) -> Result<Bytes, DataError> {
        self.0.get(cid)
    }
}

/// The paths of `template` for `source`: by the CID of version 1, then by that of version 0 if it has one, a common
/// name.
///
/// # Errors
/// When the template cannot be rendered.
pub(super) fn render_names(
    template: &Template,
    source: &CidSource,
    number: Option<u64>,
) -> Result<Vec<String>, HostFailure> {
    let cid = &source.place.cid;
    let older = if cid.codec() == DAG_PB { Cid::new_v0(*cid.hash()).ok() } else { None };
    let mut texts: Vec<String> = Vec::new();
    for cid in std::iter::once(*cid).chain(older) {
        let text =
            template.render(&fields_of(source, &cid, number)).map_err(|error| HostFailure::new(error.to_string()))?;
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    Ok(texts)
}

/// Records the state of all entries. Reads names only.
fn see_all(tree: &dyn Tree) -> io::Result<()> {
    let mut pending = vec![String::new()];
    if tree.stat("")?.kind != Kind::Dir {
        return Ok(());
    }
    while let Some(dir) = pending.pop() {
        for Entry { name, kind } in tree.list(&dir)? {
            let path = if dir.is_empty() { name } else { format!("{dir}/{name}") };
            match kind {
                Kind::Dir => pending.push(path),
                Kind::File => drop(tree.stat(&path)?),
                Kind::Link => {}
            }
        }
    }
    Ok(())
}

/// Runs `work` on separate threads: it may block on a failed disk, and other runs need the common pool.
pub(super) fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, HostFailure> {
    let pool = ThreadPoolBuilder::new().thread_name(|_| "prove".into()).build();
    let pool = pool.map_err(|error| HostFailure::new(format!("threads to check a copy cannot be started: {error}")))?;
    Ok(pool.install(work))
}

/// The fields of a template.
fn fields_of(source: &CidSource, cid: &Cid, number: Option<u64>) -> Fields {
    let named = source.metadata.get("name").map(String::as_str).or_else(|| source.place.name());
    let piece = source.piece();
    let text = |cid: fn(&Commitment) -> Cid| piece.as_ref().map(|piece| cid(piece).to_string()).unwrap_or_default();
    Fields {
        cid: cid.to_string(),
        piece_cid: text(Commitment::cid_v2),
        piece_cid_v1: text(Commitment::cid_v1),
        number: number.as_ref().map(ToString::to_string).unwrap_or_default(),
        name: named.unwrap_or_default().into(),
        path: source.guest_path.clone(),
        metadata: source.metadata.clone(),
    }
}

/// Whether a file begins like an archive: a damaged archive must not be used as a plain file.
pub(super) fn is_archive(path: &Path) -> bool {
    let start = || {
        let mut start = Vec::new();
        File::open(path)?.take(START_BYTES).read_to_end(&mut start)?;
        Ok::<_, io::Error>(start)
    };
    let begins = |start: Vec<u8>| {
        // The length of the header, then a map of CBOR with the roots; of version 2, with the version alone.
        let length = start.iter().position(|byte| byte & 0x80 == 0).map_or(start.len(), |last| last + 1);
        [&b"\xa2\x65roots"[..], b"\xa2\x67version", b"\xa1\x67version"]
            .iter()
            .any(|map| start[length..].starts_with(map))
    };
    path.is_file() && start().is_ok_and(begins)
}

#[cfg(test)]
mod tests;
