//! A piece that is being read: finds out what it holds, and makes the tree of it.

use std::sync::Arc;

use bacalhau_cas::{
    Cid, DataError, LocalBlockstore as _,
    car::{CarPart, roots_of},
    piece::{CheckedPiece, Commitment, Layer, Segment, segments},
    unixfs::DagTree,
};
use bacalhau_tree::{HostFailure, Kind, ReadAt, Tree};

use super::super::subtree::Subtree;
use super::super::{CidSource, absent, failed};
use super::aggregate::{self, AggregateTree};
use super::contents::{Contents, Part, RootKind};
use super::kept::Kept;
use super::range::Range;
use super::raw_file::RawFile;

/// Aggregates within each other that are looked into; a segment below is a file or an archive.
const MAX_DEPTH: usize = 4;

/// A piece.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// For messages: the piece and its place.
    pub(super) name: String,
    /// The CID of the piece.
    pub(super) cid: String,
    /// Root and size.
    pub(super) piece: Commitment,
    /// Its bytes, as programs read them.
    pub(super) bytes: Range,
    /// Its bytes below an archive, whose blocks are checked by their own CIDs.
    pub(super) blocks: Range,
    /// Its bytes as archives in it are indexed: checked ones, also if they were checked just before.
    pub(super) scanned: Range,
    /// The reader that checks; `None` where the copy is trusted.
    pub(super) checked: Option<Arc<CheckedPiece>>,
    /// What is known of it.
    pub(super) kept: Kept,
}

/// For messages: a piece and its place.
pub(super) fn name(place: &str, source: &CidSource) -> String {
    format!("the piece {} at {place}", source.place.cid)
}

impl Reading {
    /// The piece that `source` names, at `place` with these bytes. `is_fresh` says that all of them were checked just now.
    ///
    /// # Errors
    /// When the layer is not that of the piece.
    pub(super) fn checked(
        place: &str,
        source: &CidSource,
        piece: Commitment,
        layer: Layer,
        file: Arc<dyn ReadAt>,
        kept: Kept,
        is_fresh: bool,
    ) -> Result<Arc<Self>, HostFailure> {
        let (name, size) = (name(place, source), piece.payload_size());
        let checked = CheckedPiece::new(name.clone(), piece, layer, Arc::clone(&file)).map_err(failed)?;
        let checked = Arc::new(checked);
        let (blocks, bytes) = (Range::new(file, 0, size), Range::new(Arc::clone(&checked) as _, 0, size));
        Ok(Arc::new(Self {
            name,
            cid: source.place.cid.to_string(),
            piece,
            scanned: if is_fresh { blocks.clone() } else { bytes.clone() },
            bytes,
            blocks,
            checked: Some(checked),
            kept,
        }))
    }

    /// This piece, with its blocks read by the parts in which they lie: fewer and larger reads, for a remote source.
    pub(super) fn by_parts(&self) -> Arc<Self> {
        Arc::new(Self { blocks: self.bytes.clone(), ..self.clone() })
    }

    /// The tree that `source` names, of which `contents` are known.
    ///
    /// # Errors
    /// When the path or root does not exist, or the piece cannot be mounted.
    pub(super) fn tree(
        self: &Arc<Self>,
        contents: &Contents,
        source: &CidSource,
    ) -> Result<Arc<dyn Tree>, HostFailure> {
        self.tree_of(contents, source).map_err(|failure| self.fault(failure))
    }

    fn tree_of(self: &Arc<Self>, contents: &Contents, source: &CidSource) -> Result<Arc<dyn Tree>, HostFailure> {
        let whole = self.whole();
        let path = &source.place.path;
        match (contents, source.root()) {
            (Contents::File, None) if path.is_empty() => {
                Ok(Arc::new(RawFile { bytes: self.bytes.clone(), cid: self.cid.clone() }))
            }
            (Contents::File, None) => {
                Err(failed(DataError::NoSuchPath { root: Box::new(source.place.cid), path: path.clone() }))
            }
            (Contents::File, Some(root)) => Err(failed(self.without(&root))),
            (Contents::Archive { roots, .. }, root) => {
                let root = root.map_or_else(|| self.single(roots), Ok).map_err(failed)?;
                self.dag(&whole, &root, path).map_err(failed)
            }
            (Contents::Aggregate { segments }, None) => {
                let tree = AggregateTree::new(Arc::clone(self), segments);
                let path = aggregate::in_full(segments, path);
                Subtree::of(Arc::new(tree), &path).map_err(|error| absent(&path, &source.place.cid, error))
            }
            (Contents::Aggregate { segments }, Some(root)) => {
                for part in segments.iter().filter(|part| matches!(part.contents, Contents::Archive { .. })) {
                    if self
                        .archive(part.offset, part.size)
                        .and_then(|car| car.size_of(&root))
                        .map_err(failed)?
                        .is_some()
                    {
                        return self.dag(part, &root, path).map_err(failed);
                    }
                }
                Err(failed(self.without(&root)))
            }
        }
    }

    /// The tree of a segment.
    ///
    /// # Errors
    /// As for [`tree`](Self::tree).
    pub(super) fn part(self: &Arc<Self>, part: &Part) -> Result<Arc<dyn Tree>, DataError> {
        Ok(match &part.contents {
            Contents::Aggregate { segments } => Arc::new(AggregateTree::new(Arc::clone(self), segments)),
            Contents::Archive { roots, root: Some(_) } => self.dag(part, &self.single(roots)?, "")?,
            Contents::Archive { root: None, .. } | Contents::File => {
                let bytes = Range::new(Arc::new(self.bytes.clone()), part.offset, part.size);
                Arc::new(RawFile { bytes, cid: part.cid.clone() })
            }
        })
    }

    /// What the piece holds. It is found out if it is not known, and kept if `is_unchanged` finds the source as it was.
    ///
    /// # Errors
    /// When it cannot be read, is a damaged archive or aggregate, or was changed.
    pub(super) fn contents(&self, is_unchanged: impl FnOnce() -> bool) -> Result<Contents, HostFailure> {
        if let Some(contents) = self.kept.contents() {
            return Ok(contents);
        }
        let contents = self.examine_part(&self.piece, 0, 0);
        if !is_unchanged() {
            self.kept.forget();
            return Err(HostFailure::new(format!("{} was changed while it was read", self.name)));
        }
        let contents = contents.map_err(failed).map_err(|failure| self.fault(failure))?;
        self.kept.put_contents(&contents)?;
        Ok(contents)
    }

    /// Only the data of a checked piece is the same everywhere; an error in that of another one is this machine's.
    fn fault(&self, failure: HostFailure) -> HostFailure {
        if self.checked.is_some() { failure } else { HostFailure::new(failure.to_string()) }
    }

    fn examine_part(&self, piece: &Commitment, offset: u64, depth: usize) -> Result<Contents, DataError> {
        let bytes = Range::new(Arc::new(self.bytes.clone()), offset, piece.payload_size());
        let found = if depth < MAX_DEPTH { segments(&self.name, piece, &bytes)? } else { Vec::new() };
        if !found.is_empty() {
            let parts = found.iter().map(|segment| self.examine_segment(segment, offset, depth));
            return Ok(Contents::Aggregate { segments: parts.collect::<Result<_, _>>()? });
        }
        let Some(roots) = roots_of(&self.name, &bytes, bytes.len)? else { return Ok(Contents::File) };
        let car = Arc::new(self.archive(offset, bytes.len)?);
        let kind = |root: &Cid| match DagTree::open(Arc::clone(&car) as _, root, "") {
            Err(error @ DataError::Io { .. }) => Err(error),
            Err(_) => Ok(None),
            Ok(tree) => Ok(tree.stat("").ok().and_then(|stat| root_kind(stat.kind))),
        };
        let root = match &roots[..] {
            [root] => kind(root)?,
            _ => None,
        };
        Ok(Contents::Archive { roots: roots.iter().map(ToString::to_string).collect(), root })
    }

    fn examine_segment(&self, segment: &Segment, offset: u64, depth: usize) -> Result<Part, DataError> {
        let Segment { commitment, offset: within } = segment;
        let (cid, offset) = (commitment.cid_v2(), offset + within);
        if let Some(checked) = &self.checked {
            let failed = |error| DataError::io(format!("read {}", self.name), error);
            let found = checked.subtree(offset, commitment.height()).map_err(failed)?;
            if found != *commitment.root() {
                let at = format!("its index names the segment {cid} at byte {offset}, and other data is there");
                return Err(DataError::unusable(&self.name, at));
            }
        }
        let contents = match self.examine_part(commitment, offset, depth + 1) {
            Err(error @ DataError::Io { .. }) => return Err(error),
            // What is no archive or aggregate to its end is a file.
            Err(_) => Contents::File,
            Ok(contents) => contents,
        };
        Ok(Part { cid: cid.to_string(), offset, size: commitment.payload_size(), contents })
    }

    /// The archive in a part of the piece.
    fn archive(&self, offset: u64, len: u64) -> Result<CarPart, DataError> {
        let part = |of: &Range| Arc::new(Range::new(Arc::new(of.clone()), offset, len)) as Arc<dyn ReadAt>;
        let content = format!("{} {offset} {len}", self.cid);
        let (blocks, scanned) = (part(&self.blocks), part(&self.scanned));
        CarPart::open(self.name.clone(), blocks, scanned, len, &self.kept.index(offset), &content)
    }

    fn dag(&self, part: &Part, root: &Cid, path: &str) -> Result<Arc<dyn Tree>, DataError> {
        let car = self.archive(part.offset, part.size)?;
        if car.size_of(root)?.is_none() {
            return Err(self.without(root));
        }
        Ok(Arc::new(DagTree::open(Arc::new(car), root, path)?))
    }

    fn whole(&self) -> Part {
        Part { cid: self.cid.clone(), offset: 0, size: self.bytes.len, contents: Contents::File }
    }

    /// The root of an archive.
    fn single(&self, roots: &[String]) -> Result<Cid, DataError> {
        let [root] = roots else {
            let first: Vec<&str> = roots.iter().map(String::as_str).take(4).collect();
            let why = format!("its archive has {} roots ({}): name one with ?root=CID", roots.len(), first.join(", "));
            return Err(DataError::unusable(&self.name, why));
        };
        root.parse().map_err(|_| DataError::malformed(&self.name, format!("its root {root} is not a CID")))
    }

    fn without(&self, root: &Cid) -> DataError {
        DataError::unusable(&self.name, format!("it has no archive that holds {root}"))
    }
}

/// What is mounted of a root of this kind.
fn root_kind(kind: Kind) -> Option<RootKind> {
    match kind {
        Kind::Dir => Some(RootKind::Dir),
        Kind::File => Some(RootKind::File),
        Kind::Link => None,
    }
}
