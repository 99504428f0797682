//! Data by its CID, as a user names it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use percent_encoding::{AsciiSet, utf8_percent_encode};

use super::SourceError;
use bacalhau_cas::{
    Cid, CidPath, canonical, decoded,
    piece::{Commitment, is_piece_v1, is_piece_v2},
};
use bacalhau_values::Size;

/// Metadata of a piece CID of version 1: the padded size of the piece.
const SIZE: &str = "size";
/// Metadata of a piece: the root of the DAG in its archive.
const ROOT: &str = "root";

/// Characters that are escaped in a path, and in names and values of metadata.
const IN_PATH: &AsciiSet = &AsciiSet::EMPTY.add(b'%').add(b'?');
const IN_QUERY: &AsciiSet = &IN_PATH.add(b'&').add(b'=');

/// Data by CID, with the fields of path templates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CidSource {
    /// Place of the data.
    pub place: CidPath,
    /// Guest path, if known.
    pub guest_path: String,
    /// From `ipfs://CID?key=value&…`; `name` among them is the name of the input.
    pub metadata: BTreeMap<String, String>,
    /// Whether the job takes this data only where all that is read is checked against the CID.
    pub verified: bool,
}

impl CidSource {
    /// Data without further fields.
    pub fn of(place: CidPath) -> Self {
        Self { place, guest_path: String::new(), metadata: BTreeMap::new(), verified: false }
    }

    /// Data with the metadata that a user wrote. A piece CID of version 1 with its size becomes that of version 2, whose
    /// padding is zero: all bytes count as payload.
    ///
    /// # Errors
    /// When it is a piece CID of version 1 without a size, or not that of a possible piece.
    pub(super) fn new(mut place: CidPath, mut metadata: BTreeMap<String, String>) -> Result<Self, SourceError> {
        let wrong = |why: String| SourceError::Piece { cid: place.cid.to_string(), why };
        if is_piece_v1(&place.cid) {
            let size = metadata.remove(SIZE).ok_or_else(|| {
                wrong("it does not tell the size: add the padded size, as in ?size=32GiB, or use version 2".into())
            })?;
            let size: Size = size.parse().map_err(|error| wrong(format!("size={size}: {error}")))?;
            let piece = Commitment::from_v1(&place.cid, size.0).map_err(|error| wrong(error.to_string()))?;
            place.cid = piece.cid_v2();
        }
        if is_piece_v2(&place.cid) {
            let wrong = |why: String| SourceError::Piece { cid: place.cid.to_string(), why };
            Commitment::from_v2(&place.cid).map_err(|error| wrong(error.to_string()))?;
            if let Some(root) = metadata.get_mut(ROOT) {
                let cid: Cid = root.parse().map_err(|error| wrong(format!("root={root}: {error}")))?;
                *root = canonical(&cid).to_string();
            }
        }
        Ok(Self { metadata, ..Self::of(place) })
    }

    /// Parses `CID[/path]`, `/ipfs/CID[/path]`, which have no escapes, or `CID?key=value&…`.
    ///
    /// # Errors
    /// As for [`parse`](Self::parse).
    pub(super) fn parse_bare(text: &str) -> Result<Self, SourceError> {
        match text.split_once('?') {
            Some((cid, _)) if cid.parse::<Cid>().is_ok() => Self::parse(text),
            _ => Self::new(text.parse()?, BTreeMap::new()),
        }
    }

    /// Whether it is a piece.
    pub fn is_piece(&self) -> bool {
        is_piece_v2(&self.place.cid)
    }

    /// The piece, if it is one.
    pub(super) fn piece(&self) -> Option<Commitment> {
        Commitment::from_v2(&self.place.cid).ok()
    }

    /// The root of the DAG that is meant in a piece, if it is named.
    pub(super) fn root(&self) -> Option<Cid> {
        self.metadata.get(ROOT).filter(|_| self.is_piece())?.parse().ok()
    }

    /// The identity of the data: the CID and path, and of a piece the root, if it is named.
    pub(super) fn identity(&self) -> String {
        match self.root() {
            None => self.place.to_string(),
            Some(root) => format!("{}?{ROOT}={root}", self.place),
        }
    }

    /// Parses `ipfs://CID[/path][?key=value&…]`, a URL with `%20` for a space.
    ///
    /// # Errors
    /// When it is malformed, or as for [`new`](Self::new).
    pub(super) fn parse(text: &str) -> Result<Self, SourceError> {
        let (place, query) = text.split_once('?').unwrap_or((text, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        // If the decoded text is not UTF-8, it was not meant as an escape.
        let part = |part: &str| decoded(part).map_or_else(|| part.to_owned(), Cow::into_owned);
        let pair = |pair: &str| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (part(key), part(value))
        };
        Self::new(place.parse()?, pairs.map(pair).collect())
    }
}

/// Parses back to the same value. A name with `%` or `?` is written as `/ipfs/CID/path` if possible, which nodes
/// without support for escapes accept too.
impl fmt::Display for CidSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CidPath { cid, path } = &self.place;
        if self.metadata.is_empty() && path.contains(['%', '?']) {
            return write!(f, "/ipfs/{cid}/{path}");
        }
        write!(f, "ipfs://{cid}")?;
        if !path.is_empty() {
            write!(f, "/{}", utf8_percent_encode(path, IN_PATH))?;
        }
        for (index, (key, value)) in self.metadata.iter().enumerate() {
            let (key, value) = (utf8_percent_encode(key, IN_QUERY), utf8_percent_encode(value, IN_QUERY));
            write!(f, "{}{key}={value}", if index == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}
