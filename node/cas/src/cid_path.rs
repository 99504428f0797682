//! Text form of a place in a DAG: `CID`, `CID/path`, `ipfs://CID/path`, `/ipfs/CID/path`. `unixfs` resolves it.
//!
//! In the URL `ipfs://`, `%` with two hexadecimal digits is a byte of a name, as in every URL; other `%` are literal.
//! The other forms have no escapes.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

use super::{Cid, canonical};

/// A CID in its canonical form, and names below it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CidPath {
    /// Where the path begins.
    pub cid: Cid,
    /// Names with `/` between them; empty for the CID itself.
    pub path: String,
}

/// Why a text is not a valid place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CidPathError {
    /// No CID where it should be.
    #[error("{text} is not a CID: {why}; was it copied whole?")]
    Cid {
        /// The text.
        text: String,
        /// The reason.
        why: String,
    },
    /// A path that could lead anywhere but down.
    #[error("{0:?} is not a path below a CID: names must not be `.`, `..` or empty, nor have a slash or a NUL in them")]
    Path(String),
    /// A mutable name.
    #[error("{0} is a name that can change: resolve it first (`ipfs name resolve`) and give the CID")]
    Ipns(String),
}

impl CidPath {
    /// The place of a CID.
    pub fn of(cid: &Cid) -> Self {
        Self { cid: canonical(cid), path: String::new() }
    }

    /// The last name of the path, where there is one.
    pub fn name(&self) -> Option<&str> {
        self.path.rsplit('/').next().filter(|name| !name.is_empty())
    }
}

impl FromStr for CidPath {
    type Err = CidPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let after = |prefix: &str| text.get(..prefix.len()).filter(|head| head.eq_ignore_ascii_case(prefix));
        if after("ipns://").is_some() || text.starts_with("/ipns/") {
            return Err(CidPathError::Ipns(text.into()));
        }
        let url = after("ipfs://");
        let prefix = url.or_else(|| text.starts_with("/ipfs/").then_some("/ipfs/")).unwrap_or("");
        let place = &text[prefix.len()..];
        let (cid, path) = place.split_once('/').unwrap_or((place, ""));
        let parsed: Cid = cid.parse().map_err(|error: cid::Error| {
            let lowered = cid != cid.to_ascii_lowercase() || !cid.to_ascii_lowercase().starts_with("qm");
            let hint = if lowered { "" } else { "; CIDv0 is case-sensitive" };
            CidPathError::Cid { text: cid.into(), why: format!("{error}{hint}") }
        })?;
        let path = path.trim_end_matches('/');
        if path.is_empty() {
            return Ok(Self::of(&parsed));
        }
        let name = |name| if url.is_some() { decoded(name) } else { Some(Cow::Borrowed(name)) };
        let downwards = |name: &Cow<'_, str>| !matches!(&**name, "" | "." | "..") && !name.contains(['\0', '/']);
        let names = path.split('/').map(|part| name(part).filter(downwards)).collect::<Option<Vec<_>>>();
        let names = names.ok_or_else(|| CidPathError::Path(path.into()))?;
        Ok(Self { cid: canonical(&parsed), path: names.join("/") })
    }
}

/// A decoded part of a URL; `None` when it is not UTF-8.
pub fn decoded(part: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(part).decode_utf8().ok()
}

/// `CID` or `CID/path`, by which a job names the data.
impl fmt::Display for CidPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cid.fmt(f)?;
        if self.path.is_empty() { Ok(()) } else { write!(f, "/{}", self.path) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const V0: &str = "QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR";
    const V1: &str = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";

    #[test]
    fn all_the_ways_to_write_it_are_one_place() {
        let table = [
            (V1.to_owned(), ""),
            (V0.to_owned(), ""),
            (format!("ipfs://{V0}/"), ""),
            (format!("IPFS://{V0}/a/b c"), "a/b c"),
            (format!("ipfs://{V0}/a%20b/%C3%BC%25/c+d"), "a b/ü%/c+d"),
            (format!("ipfs://{V0}/100%/%zz%4"), "100%/%zz%4"),
            (format!("ipfs://{V0}/a#b"), "a#b"),
            (format!("{V0}/a%20b"), "a%20b"),
            (format!("/ipfs/{V0}/a%20b/"), "a%20b"),
            (format!("/ipfs/{V0}/a:b"), "a:b"),
            (format!("{V0}/ünï/日本/"), "ünï/日本"),
        ];
        for (text, path) in table {
            let place: CidPath = text.parse().unwrap();
            assert_eq!((place.cid, place.path.as_str()), (V1.parse().unwrap(), path), "{text}");
            assert_eq!(place.to_string().parse::<CidPath>().unwrap(), place);
        }
    }

    #[test]
    fn what_is_no_place_is_said() {
        let error = |text: &str| text.parse::<CidPath>().unwrap_err().to_string();
        for path in ["../x", "a/../b", "a//b", "./a", "a/\0"] {
            assert!(error(&format!("{V1}/{path}")).contains("is not a path below"), "{path:?}");
        }
        for path in ["a%2Fb", "%2e%2E/x", "a/%2e", "%00", "a/%FF", "%2F"] {
            assert!(error(&format!("ipfs://{V1}/{path}")).contains("is not a path below"), "{path:?}");
        }
        assert!(error("ipns://example.org/x").contains("ipfs name resolve"));
        assert!(error("ipfs://hello").contains("hello is not a CID"));
        assert!(error(&V0.to_lowercase()).contains("CIDv0 is case-sensitive"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = text.parse::<CidPath>();
            let _ = format!("{V1}/{text}").parse::<CidPath>();
        }
    }
}
