//! Data by its CID, as a user names it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use percent_encoding::{AsciiSet, utf8_percent_encode};

use bacalhau_cas::{CidPath, CidPathError, decoded};

/// What does not stand for itself in a path, and in a name or a value of the metadata.
const IN_PATH: &AsciiSet = &AsciiSet::EMPTY.add(b'%').add(b'?');
const IN_QUERY: &AsciiSet = &IN_PATH.add(b'&').add(b'=');

/// Data by its CID, with what path templates may speak of beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CidSource {
    /// The data.
    pub place: CidPath,
    /// Where the guest sees it, as far as that is known.
    pub guest_path: String,
    /// From `ipfs://CID?key=value&…`; `name` among them is the name of the input.
    pub metadata: BTreeMap<String, String>,
    /// Whether the job takes this data only where all that is read is checked against the CID.
    pub verified: bool,
}

impl CidSource {
    /// Data that nothing more is known of.
    pub fn of(place: CidPath) -> Self {
        Self { place, guest_path: String::new(), metadata: BTreeMap::new(), verified: false }
    }

    /// Reads `ipfs://CID[/path][?key=value&…]`, a URL: `%20` is a space.
    ///
    /// # Errors
    /// When that is not what it is.
    pub(super) fn parse(text: &str) -> Result<Self, CidPathError> {
        let (place, query) = text.split_once('?').unwrap_or((text, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        // What is no text when it is decoded was not meant to be.
        let part = |part: &str| decoded(part).map_or_else(|| part.to_owned(), Cow::into_owned);
        let pair = |pair: &str| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (part(key), part(value))
        };
        Ok(Self { metadata: pairs.map(pair).collect(), ..Self::of(place.parse()?) })
    }
}

/// Read back as the same. A name with `%` or `?` in it is written as `/ipfs/CID/path` where that says as much: nodes from before
/// escapes were read take it for the same.
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
