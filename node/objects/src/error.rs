//! Errors of object stores, as texts for users.

use bacalhau_http::one_line;

use super::ObjectUrl;

/// Characters of an error of the store that are shown.
const SHOWN_CHARS: usize = 400;

/// Why something in an object store cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} {url}: {why}")]
pub struct ObjectError {
    verb: &'static str,
    url: Box<ObjectUrl>,
    why: Why,
}

/// The reason.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Why {
    #[error("there is no such object, and none below it")]
    Absent,
    #[error("it changed while it was read")]
    Changed,
    #[error("the store refused it: check the credentials in the environment of this process ({0})")]
    Refused(&'static str),
    #[error("{0}")]
    Unusable(String),
}

impl ObjectError {
    /// `verb` completes "cannot … URL".
    pub(crate) fn new(verb: &'static str, url: &ObjectUrl, why: Why) -> Self {
        Self { verb, url: Box::new(url.clone()), why }
    }

    /// Converts an error of the store.
    pub(crate) fn of(verb: &'static str, url: &ObjectUrl, error: object_store::Error) -> Self {
        let why = match error {
            object_store::Error::NotFound { .. } => Why::Absent,
            object_store::Error::Precondition { .. } | object_store::Error::NotModified { .. } => Why::Changed,
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
                Why::Refused(variables(url))
            }
            other => Why::Unusable(plain(&other.to_string())),
        };
        Self::new(verb, url, why)
    }

    /// Whether there is nothing at the URL.
    pub fn is_absent(&self) -> bool {
        matches!(self.why, Why::Absent)
    }
}

impl From<ObjectError> for std::io::Error {
    fn from(error: ObjectError) -> Self {
        Self::other(error)
    }
}

/// The error that a service sent as XML, or else the text, on one line and bounded: servers choose it.
fn plain(text: &str) -> String {
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once("</")?.0)
    };
    let said = match (element("Code"), element("Message")) {
        (Some(code), Some(message)) => format!("the store answered {code}: {message}"),
        (Some(code), None) => format!("the store answered {code}"),
        _ => text.to_owned(),
    };
    one_line(&said).chars().take(SHOWN_CHARS).collect()
}

/// The variables with the credentials of a service.
fn variables(url: &ObjectUrl) -> &'static str {
    match url.service {
        super::Service::S3 => "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY; AWS_SKIP_SIGNATURE=true for public buckets",
        super::Service::Google => {
            "GOOGLE_SERVICE_ACCOUNT_PATH or GOOGLE_APPLICATION_CREDENTIALS; GOOGLE_SKIP_SIGNATURE=true for public buckets"
        }
        super::Service::Azure => {
            "AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY; AZURE_SKIP_SIGNATURE=true for public containers"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_one_bounded_line() {
        let xml = "Error performing GET http://host/x - 404 Not Found: <?xml version=\"1.0\"?>\n\
                   <Error><Code>NoSuchBucket</Code><Message>The specified\nbucket does not exist</Message></Error>";
        assert_eq!(plain(xml), "the store answered NoSuchBucket: The specified bucket does not exist");
        assert_eq!(plain("<Code>SlowDown</Code>"), "the store answered SlowDown");
        assert_eq!(plain("no\u{1b}[31m route\r\nto host"), "no [31m route to host");
        assert_eq!(plain(&"x".repeat(5000)).len(), SHOWN_CHARS);
    }
}
