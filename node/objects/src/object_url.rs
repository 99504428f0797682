//! URLs of object stores: a service, a bucket, and a key or prefix.

use std::fmt;
use std::str::FromStr;

/// Maximum length of a key in bytes, that of S3.
const MAX_KEY_BYTES: usize = 1024;
/// Lengths of the name of a bucket or container in bytes.
const BUCKET_BYTES: std::ops::RangeInclusive<usize> = 3..=63;

/// A kind of object store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Amazon S3, and services with its API.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage.
    Azure,
}

impl Service {
    const ALL: [Self; 3] = [Self::S3, Self::Google, Self::Azure];

    /// The scheme of its URLs.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Google => "gs",
            Self::Azure => "az",
        }
    }
}

/// An object, or all objects below a prefix that ends where a name ends: `s3://BUCKET/PREFIX`. The prefix is as it is in
/// the store, without escapes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectUrl {
    /// The service.
    pub service: Service,
    /// Name of the bucket; of the container in Azure.
    pub bucket: String,
    /// Key of an object, or the part before `/` of the keys of many; empty for the whole bucket.
    pub prefix: String,
}

/// Why a text is not the URL of an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{url} is not usable as a URL of an object store: {why}")]
pub struct ObjectUrlError {
    url: String,
    why: &'static str,
}

impl ObjectUrl {
    /// Whether `text` has the scheme of an object store.
    pub fn has_scheme(text: &str) -> bool {
        split(text).is_some()
    }

    /// The URL of `name`, which is a relative path, below it.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        let prefix = if self.prefix.is_empty() { name.into() } else { format!("{}/{name}", self.prefix) };
        Self { prefix, ..self.clone() }
    }

    /// The URL without its last name; `None` for a whole bucket.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (prefix, _) = self.prefix.rsplit_once('/').unwrap_or(("", self.name()?));
        Some(Self { prefix: prefix.into(), ..self.clone() })
    }

    /// Whether `other` is it, or below it.
    pub fn contains(&self, other: &Self) -> bool {
        let below = || other.prefix.strip_prefix(&self.prefix).is_some_and(|rest| rest.starts_with('/'));
        self.service == other.service
            && self.bucket == other.bucket
            && (self.prefix.is_empty() || self.prefix == other.prefix || below())
    }

    /// The last name.
    pub fn name(&self) -> Option<&str> {
        self.prefix.rsplit('/').next().filter(|name| !name.is_empty())
    }
}

fn split(text: &str) -> Option<(Service, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let service = Service::ALL.into_iter().find(|service| service.scheme().eq_ignore_ascii_case(scheme))?;
    Some((service, rest))
}

impl FromStr for ObjectUrl {
    type Err = ObjectUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unusable = |why| ObjectUrlError { url: text.into(), why };
        let (service, rest) = split(text).ok_or_else(|| unusable("it has to begin with s3://, gs:// or az://"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._$".contains(&byte);
        if !BUCKET_BYTES.contains(&bucket.len()) || !bucket.bytes().all(plain) {
            return Err(unusable(
                "the name of the bucket has to be 3 to 63 letters, digits, dots, hyphens or underscores",
            ));
        }
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        if prefix.len() > MAX_KEY_BYTES {
            return Err(unusable("a key has at most 1024 bytes"));
        }
        if !prefix.is_empty() && !prefix.split('/').all(is_name) {
            return Err(unusable("a key has no empty names, no `.` or `..`, and no control characters"));
        }
        Ok(Self { service, bucket: bucket.into(), prefix: prefix.into() })
    }
}

/// Whether `name` can be the name of a file.
pub(crate) fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.chars().any(char::is_control)
}

impl fmt::Display for ObjectUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.service.scheme(), self.bucket)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> ObjectUrl {
        text.parse().unwrap()
    }

    #[test]
    fn urls_are_read_and_written() {
        for (text, written, bucket, prefix) in [
            ("s3://data/a/b.csv", "s3://data/a/b.csv", "data", "a/b.csv"),
            ("S3://data/a/", "s3://data/a", "data", "a"),
            ("gs://my.bucket_1", "gs://my.bucket_1", "my.bucket_1", ""),
            ("az://container/", "az://container", "container", ""),
            ("s3://data/100%25 of it?#x", "s3://data/100%25 of it?#x", "data", "100%25 of it?#x"),
        ] {
            let url = url(text);
            assert_eq!((url.bucket.as_str(), url.prefix.as_str()), (bucket, prefix), "{text}");
            assert_eq!(url.to_string(), written);
            assert_eq!(written.parse(), Ok(url));
        }
        assert_eq!(url("s3://data/a/b.csv").name(), Some("b.csv"));
        assert_eq!(url("s3://data").name(), None);
    }

    #[test]
    fn what_is_none_is_refused_with_the_reason() {
        let long = format!("s3://data/{}", "a".repeat(1025));
        for (text, why) in [
            ("https://data/a", "has to begin with s3://"),
            ("s3:/data", "has to begin with s3://"),
            ("s3://ab/x", "3 to 63"),
            ("s3://user:pass@host/x", "letters, digits"),
            ("s3:///x", "3 to 63"),
            ("s3://data//x", "no empty names"),
            ("s3://data/a/../b", "`..`"),
            ("s3://data/a\nb", "no control characters"),
            (&long, "at most 1024 bytes"),
        ] {
            let error = text.parse::<ObjectUrl>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn a_prefix_ends_where_a_name_ends() {
        let prefix = url("s3://data/logs");
        for (other, inside) in [
            ("s3://data/logs", true),
            ("s3://data/logs/2026/a", true),
            ("s3://data/logs-private", false),
            ("s3://data", false),
            ("s3://other/logs/a", false),
            ("gs://data/logs/a", false),
        ] {
            assert_eq!(prefix.contains(&url(other)), inside, "{other}");
        }
        assert!(url("s3://data").contains(&prefix));
    }
}
