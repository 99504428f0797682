//! Data by its CID, as a user names it.

use std::collections::BTreeMap;
use std::fmt;

use crate::cas::{CidPath, CidPathError};

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

    /// Reads `ipfs://CID[/path][?key=value&…]`.
    ///
    /// # Errors
    /// When that is not what it is.
    pub(super) fn parse(text: &str) -> Result<Self, CidPathError> {
        let (place, query) = text.split_once('?').unwrap_or((text, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pair = |pair: &str| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key.to_owned(), value.to_owned())
        };
        Ok(Self { metadata: pairs.map(pair).collect(), ..Self::of(place.parse()?) })
    }
}

impl fmt::Display for CidSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ipfs://{}", self.place)?;
        let pairs: Vec<String> = self.metadata.iter().map(|(key, value)| format!("{key}={value}")).collect();
        if pairs.is_empty() { Ok(()) } else { write!(f, "?{}", pairs.join("&")) }
    }
}
