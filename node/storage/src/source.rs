//! Text forms of data sources: a path, a URL, a CID, or inline data. Parsing checks whether a path exists; it opens
//! nothing.

use std::fmt;
use std::path::{Path, PathBuf};

use bacalhau_tree::HostFailure;
use bytes::Bytes;
use ureq::http::Uri;
use url::Url;

use super::{CidSource, InlineError, foreign, inline};
use bacalhau_cas::CidPathError;
use bacalhau_objects::{ObjectUrl, ObjectUrlError};
use bacalhau_values::hex::{self, Hex};

/// Source of a module or an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file or directory of this machine, as an absolute path.
    Path(PathBuf),
    /// A file behind `http` or `https`.
    Url {
        /// The URL.
        url: String,
        /// The hash that the file must have, where the user wrote one: `https://host/file#sha256=HEX`.
        sha256: Option<[u8; 32]>,
    },
    /// An object of an object store, or all objects below a prefix: `s3://BUCKET/PREFIX`, `gs://…`, `az://…`.
    Object(ObjectUrl),
    /// A place in a DAG.
    Cid(CidSource),
    /// The data itself, from a `data:` URL.
    Inline(Bytes),
}

/// Why a text names no data that this version can read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A malformed CID.
    #[error(transparent)]
    Cid(#[from] CidPathError),
    /// A piece CID without a size, or with an impossible one.
    #[error("the piece {cid} cannot be read: {why}")]
    Piece {
        /// The CID.
        cid: String,
        /// The problem, and how to write it.
        why: String,
    },
    /// A `data:` URL that holds no data.
    #[error("a data: URL is data:,TEXT or data:;base64,BASE64: {0}")]
    Inline(InlineError),
    /// A malformed URL of an object store.
    #[error(transparent)]
    Object(#[from] ObjectUrlError),
    /// An unsupported scheme.
    #[error(
        "{scheme}:// is not a source; write a local path, file:///path, http://, https://, ipfs://CID, CID, s3://BUCKET/PREFIX, \
         gs://, az:// or data:,TEXT"
    )]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// Not a URL after all.
    #[error("{url} is not a usable URL: {why}")]
    Url {
        /// The text.
        url: String,
        /// The reason.
        why: String,
    },
    /// A template without a base directory or host.
    #[error("the template {template} {why}")]
    Template {
        /// The text.
        template: String,
        /// The required form.
        why: &'static str,
    },
    /// The path does not exist or is not accessible.
    #[error("cannot find {path}: {why}")]
    Missing {
        /// The path that was looked at.
        path: String,
        /// The error of the system.
        why: std::io::Error,
    },
}

impl Source {
    /// Parses `http://…`, `https://…`, `file:///path` (unescaped), a path, `ipfs://CID[/path][?key=value]`,
    /// `/ipfs/CID[/path]`, `CID[/path]`, `CID?key=value`, `s3://BUCKET/PREFIX` (also `gs`, `az`), or `data:…`. An existing path takes precedence. In `ipfs://`, which is a URL,
    /// `%20` is a space; the other forms of a CID have no escapes.
    ///
    /// # Errors
    /// For other schemes, and paths that do not exist.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        if text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
            return inline::parse(&text[5..]).map(Self::Inline).map_err(SourceError::Inline);
        }
        let Some((scheme, rest)) = text.split_once("://") else { return Self::path(text) };
        if ObjectUrl::has_scheme(text) {
            return Ok(Self::Object(text.parse()?));
        }
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => Self::url(text),
            "file" if rest.starts_with('/') => Self::path(rest),
            "file" => Err(SourceError::Url { url: text.into(), why: "write file:///path, with three slashes".into() }),
            "ipfs" | "ipns" => Ok(Self::Cid(CidSource::parse(text)?)),
            _ => Err(SourceError::Scheme { scheme: scheme.into() }),
        }
    }

    /// Parses untrusted text: as [`parse`](Self::parse), but without access to local files, so that the result does not
    /// reveal whether they exist. Paths must be absolute; `CID[/path]` is never a path.
    ///
    /// # Errors
    /// For other schemes, and relative paths.
    pub fn parse_unseen(text: &str) -> Result<Self, SourceError> {
        let path = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file") && rest.starts_with('/') => rest,
            Some(_) => return Self::parse(text),
            None if text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) => {
                return Self::parse(text);
            }
            None => text,
        };
        match CidSource::parse_bare(text) {
            Ok(source) => Ok(Self::Cid(source)),
            Err(SourceError::Cid(_))
                if path.starts_with('/') && !text.starts_with("/ipfs/") && !text.starts_with("/ipns/") =>
            {
                Ok(Self::Path(path.into()))
            }
            Err(error) => Err(error),
        }
    }

    fn path(text: &str) -> Result<Self, SourceError> {
        let path = Path::new(text);
        match std::fs::metadata(path).and_then(|_| std::path::absolute(path)) {
            Ok(path) => Ok(Self::Path(path)),
            Err(why) => match CidSource::parse_bare(text) {
                Ok(source) => Ok(Self::Cid(source)),
                Err(error @ SourceError::Piece { .. }) => Err(error),
                Err(error) if text.starts_with("/ipfs/") || text.starts_with("/ipns/") || looks_like_cid(text) => {
                    Err(error)
                }
                Err(_) => Err(SourceError::Missing { path: text.into(), why }),
            },
        }
    }

    fn url(text: &str) -> Result<Self, SourceError> {
        let problem = |why: String| SourceError::Url { url: text.into(), why };
        let uri: Uri = text.parse().map_err(|error: ureq::http::uri::InvalidUri| problem(error.to_string()))?;
        if uri.host().is_none_or(str::is_empty) {
            return Err(problem("it names no host".into()));
        }
        Url::parse(text).map_err(|error| problem(error.to_string()))?;
        let Some((url, digest)) = text.split_once("#sha256=") else {
            return Ok(Self::Url { url: text.into(), sha256: None });
        };
        let sha256 = digest_of(digest).ok_or_else(|| problem("write #sha256= and 64 hexadecimal digits".into()))?;
        Ok(Self::Url { url: url.into(), sha256: Some(sha256) })
    }

    /// The last name of the path or URL, where there is one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Path(path) => path.file_name()?.to_str(),
            Self::Cid(source) => source.place.name(),
            Self::Object(url) => url.name(),
            Self::Inline(_) => None,
            Self::Url { url, .. } => {
                let path = url.split(['?', '#']).next()?.split_once("://")?.1.split_once('/')?.1;
                path.rsplit('/').next().filter(|name| !name.is_empty())
            }
        }
    }

    /// Whether this is a directory, as far as one can tell without fetching.
    pub fn is_dir(&self) -> bool {
        matches!(self, Self::Path(path) if path.is_dir())
    }

    /// With `verified`, accepts data by CID only if it is verified. Other sources are hashed as they are read.
    #[must_use]
    pub fn verified(mut self, verified: bool) -> Self {
        if let Self::Cid(source) = &mut self {
            source.verified = verified;
        }
        self
    }

    /// The data by its CID that it is, for the storage of `storage`.
    ///
    /// # Errors
    /// When it is something else.
    pub(super) fn cid(&self, storage: &str) -> Result<&CidSource, HostFailure> {
        match self {
            Self::Cid(source) => Ok(source),
            _ => Err(foreign(self, storage)),
        }
    }

    /// Whether it is data by its CID.
    pub fn is_cid(&self) -> bool {
        matches!(self, Self::Cid(_))
    }

    /// The text under which a receipt remembers the source: without the password that a URL may hold.
    pub fn recorded(&self) -> String {
        let text = self.to_string();
        let Self::Url { .. } = self else { return text };
        let Some((scheme, rest)) = text.split_once("://") else { return text };
        let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        match rest[..host_end].rfind('@') {
            Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
            None => text,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Url { url, sha256: None } => f.write_str(url),
            Self::Url { url, sha256: Some(digest) } => write!(f, "{url}#sha256={}", Hex(digest)),
            Self::Cid(source) => source.fmt(f),
            Self::Object(url) => url.fmt(f),
            Self::Inline(bytes) => f.write_str(&inline::to_url(bytes)),
        }
    }
}

/// Whether the text is a plausible CID and implausible as a file name.
fn looks_like_cid(text: &str) -> bool {
    let head = text.split('/').next().unwrap_or_default();
    let begins = ["Qm", "bafy", "bafk", "baga"].iter().any(|prefix| head.starts_with(prefix));
    begins && head.len() >= 32 && head.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn digest_of(hex: &str) -> Option<[u8; 32]> {
    hex::decode(hex)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    use bacalhau_cas::CidPath;

    fn error(text: &str) -> String {
        Source::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn paths_become_absolute_and_must_exist() {
        let here = std::path::absolute("src").unwrap();
        assert_eq!(Source::parse("src").unwrap(), Source::Path(here.clone()));
        assert_eq!(Source::parse(&format!("file://{}", here.display())).unwrap(), Source::Path(here));
        assert!(error("no/such/file").contains("cannot find no/such/file"));
        assert!(error("file://host/x").contains("three slashes"));
        assert!(Source::parse("src").unwrap().is_dir());
    }

    #[test]
    fn urls_keep_their_text() {
        let url = "https://user:pass@example.org:8080/a/b.csv?x=1@2#top";
        let source = Source::parse(url).unwrap();
        assert_eq!(source, Source::Url { url: url.into(), sha256: None });
        assert_eq!(source.name(), Some("b.csv"));
        assert_eq!(source.recorded(), "https://example.org:8080/a/b.csv?x=1@2#top");
        assert_eq!(Source::parse("http://host").unwrap().name(), None);
        assert_eq!(Source::parse("http://host/a/?q=/x").unwrap().name(), None);
        assert!(error("http://").contains("not a usable URL"));
        assert!(error("http:///x").contains("not a usable URL"));
        assert!(error("http://1.2.3.256/x").contains("not a usable URL"));
    }

    #[test]
    fn cids_are_read_in_every_form() {
        let v0 = "QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR";
        let v1 = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";
        for text in [v0, v1, &format!("ipfs://{v0}"), &format!("/ipfs/{v1}/")] {
            let source = Source::parse(text).unwrap();
            assert_eq!(source, Source::Cid(CidSource::of(CidPath::of(&v1.parse().unwrap()))), "{text}");
            assert_eq!(source.recorded(), format!("ipfs://{v1}"));
        }
        let source = Source::parse(&format!("ipfs://{v0}/a/b.csv?piece=baga&name=x")).unwrap();
        assert_eq!(source.name(), Some("b.csv"));
        assert_eq!(source.recorded(), format!("ipfs://{v1}/a/b.csv?name=x&piece=baga"));
        assert_eq!(Source::parse(&source.recorded()).unwrap(), source);
        // What is written for somebody else is read back as the same, whichever name and metadata it has.
        let odd = |path: &str, metadata: &[(&str, &str)]| {
            let metadata = metadata.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
            Source::Cid(CidSource {
                metadata,
                ..CidSource::of(CidPath { cid: v1.parse().unwrap(), path: path.into() })
            })
        };
        for path in ["", "a b", "a%20b", "100%", "what?", "a#b", "ü/%C3", "x?y=z&%"] {
            for metadata in [&[][..], &[("name", "x")], &[("name", "a%20b&c=d?e"), ("k=&", "")]] {
                let source = odd(path, metadata);
                assert_eq!(Source::parse(&source.to_string()).unwrap(), source, "{source}");
                assert_eq!(Source::parse_unseen(&source.to_string()).unwrap(), source, "{source}");
            }
        }
        // As before escapes were read, wherever that says the same to an older node.
        assert_eq!(odd("100%", &[]).to_string(), format!("/ipfs/{v1}/100%"));
        assert_eq!(odd("a b#c", &[("k", "v")]).to_string(), format!("ipfs://{v1}/a b#c?k=v"));
        assert_eq!(Source::parse(&format!("ipfs://{v1}/a%20b?name=c%20d")).unwrap(), odd("a b", &[("name", "c d")]));
        assert!(error("ipns://example.org").contains("can change"));
        assert!(error("ipfs://hello").contains("hello is not a CID"));
        assert!(error("/ipfs/hello").contains("hello is not a CID"));
    }

    #[test]
    fn a_piece_is_named_by_version_2_or_version_1_with_its_size() {
        // `vectors.json` of cas: 128 bytes of payload, in 256 padded ones.
        let v2 = "bafkzcibcpyb7yhfwz5ft2nejrprwi5axyox3sygfmji7makjptqqkpwlqoeo6oy";
        let v1 = "baga6ea4seaqpyhfwz5ft2nejrprwi5axyox3sygfmji7makjptqqkpwlqoeo6oy";
        let full = "bafkzcibcaab7yhfwz5ft2nejrprwi5axyox3sygfmji7makjptqqkpwlqoeo6oy";
        let root = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";
        let rooted = format!("?root={root}");
        for (text, cid, path, query) in [
            (v2.to_owned(), v2, "", ""),
            (format!("ipfs://{v2}/a%20b"), v2, "a b", ""),
            (format!("{v2}?root={root}"), v2, "", &*rooted),
            (format!("ipfs://{v2}/a?root=QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR"), v2, "a", &rooted),
            (format!("{v1}?size=256"), full, "", ""),
            (format!("ipfs://{v1}?root={root}&size=256B"), full, "", &rooted),
        ] {
            for source in [Source::parse(&text).unwrap(), Source::parse_unseen(&text).unwrap()] {
                let Source::Cid(found) = &source else { panic!("{source}") };
                let place = CidPath { cid: cid.parse().unwrap(), path: path.into() };
                assert!(found.is_piece() && found.place == place, "{text}: {source}");
                assert_eq!(found.identity(), format!("{place}{query}"), "{text}");
                assert_eq!(Source::parse_unseen(&source.to_string()).unwrap(), source, "{text}");
            }
        }
        for (text, why) in [
            (v1.to_owned(), "add the padded size, as in ?size=32GiB"),
            (format!("{v1}/a"), "add the padded size"),
            (format!("{v1}?size=x"), "size=x"),
            (format!("{v1}?size=127"), "not a power of two"),
            (format!("ipfs://{v2}?root=x"), "root=x"),
        ] {
            assert!(error(&text).contains(why), "{text}: {}", error(&text));
            assert!(Source::parse_unseen(&text).unwrap_err().to_string().contains(why), "{text}");
        }
        // A height that no tree has, and more padding than there is room for.
        for digest in [[&[0, 200][..], &[1; 32]].concat(), [&[0xff, 0x7f, 2][..], &[1; 32]].concat()] {
            let hash = bacalhau_cas::Hash::wrap(0x1011, &digest).unwrap();
            let text = bacalhau_cas::Cid::new_v1(0x55, hash).to_string();
            assert!(error(&text).contains("cannot be read"), "{}", error(&text));
        }
    }

    #[test]
    fn small_data_stands_in_the_text() {
        let source = Source::parse("data:text/plain,hello%20w%C3%B6rld").unwrap();
        assert_eq!(source, Source::Inline("hello wörld".into()));
        assert_eq!(Source::parse(&source.recorded()).unwrap(), source);
        assert!(error("data:hello").contains("data:,TEXT"));
    }

    #[test]
    fn objects_are_named_by_service_bucket_and_key() {
        for text in ["s3://data/logs/2026 11/a%20b#c?d", "gs://data", "az://data/x"] {
            let source = Source::parse(text).unwrap();
            assert_eq!(source, Source::Object(text.parse().unwrap()));
            assert_eq!(source.recorded(), text);
            assert_eq!(Source::parse_unseen(&source.to_string()).unwrap(), source);
        }
        assert_eq!(Source::parse("s3://data/logs/a.csv").unwrap().name(), Some("a.csv"));
        assert!(error("s3://data/a//b").contains("no empty names"));
    }

    #[test]
    fn a_url_may_say_which_file_it_means() {
        let digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        let text = format!("https://user:pass@host/a.csv#sha256={digest}");
        let source = Source::parse(&text).unwrap();
        let Source::Url { url, sha256: Some(sha256) } = &source else { panic!("{source}") };
        assert_eq!((url.as_str(), sha256[0]), ("https://user:pass@host/a.csv", 0x2c));
        assert_eq!(source.to_string(), text);
        assert_eq!(source.recorded(), format!("https://host/a.csv#sha256={digest}"));
        assert_eq!(source.name(), Some("a.csv"));
        assert_eq!(Source::parse(&text.replace(digest, &digest.to_uppercase())).unwrap(), source);
        for wrong in ["", "2cf2", &digest[1..], &format!("{}é", &digest[2..]), &format!("{digest}&x")] {
            let error = error(&format!("https://host/a.csv#sha256={wrong}"));
            assert!(error.contains("64 hexadecimal digits"), "{error}");
        }
    }

    #[test]
    fn a_cid_with_a_mistake_is_no_missing_file() {
        let v1 = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";
        assert!(error(&v1[..50]).contains("is not a CID"));
        assert!(error(&format!("{}/a/b", &v1[..50])).contains("is not a CID"));
        assert!(error(&format!("{v1}/../b")).contains("must not be"));
        assert!(error("bafybei").starts_with("cannot find bafybei"));
    }

    #[test]
    fn what_strangers_write_is_read_without_a_look_at_the_disk() {
        let v1 = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";
        for text in ["/etc/hostname", "/no/such/file", "file:///no/such/file"] {
            let path = text.strip_prefix("file://").unwrap_or(text);
            assert_eq!(Source::parse_unseen(text).unwrap(), Source::Path(path.into()));
        }
        for text in
            [v1, &format!("/ipfs/{v1}"), &format!("ipfs://{v1}/a"), "https://host/a", "s3://data/a b", "data:,a"]
        {
            assert_eq!(Source::parse_unseen(text).unwrap(), Source::parse(text).unwrap());
        }
        for (text, why) in [
            ("src", "src is not a CID"),
            ("file://host/x", "three slashes"),
            ("ftp://host/x", "ftp:// is not a source"),
            ("s3://x/../y", "3 to 63"),
            ("/ipns/x", "can change"),
            ("", "is not a CID"),
        ] {
            let error = Source::parse_unseen(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn what_this_version_cannot_read_is_named() {
        assert!(error("ftp://host/x").starts_with("ftp:// is not a source"));
    }
}
