//! Errors of the API client.

use std::time::Duration;

use bacalhau_tree::HostFailure;

use super::answering::is_hang_up;
use bacalhau_api::{API_VERSION, ErrorBody, ErrorCode};
use bacalhau_cas::DataError;

/// Why a request has no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server answered with an error.
    #[error("{}{}", .body.message, hint(.body))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The body of the error.
        body: ErrorBody,
        /// Time after which to retry, if the server names one.
        retry_after: Option<Duration>,
    },
    /// The server cannot be reached.
    #[error("cannot reach the server at {0}: {1}; is `bacalhau serve` running there?")]
    Unreachable(String, String),
    /// The server's certificate is not trusted.
    #[error(
        "the certificate of the server at {0} is not accepted: {1}; use a host name of the certificate, and name a \
         private CA with --api-ca FILE"
    )]
    Certificate(String, String),
    /// The TLS handshake failed.
    #[error("no TLS connection to the server at {0}: {1}; use http:// if the server has no TLS")]
    Tls(String, String),
    /// The address is invalid.
    #[error("{0:?} is not an address of a server ({1}): write http://HOST:PORT")]
    Address(String, String),
    /// The server has another API version.
    #[error(
        "the server at {base} has version {version} of the API, and this program has {API_VERSION}: use the program of \
         the server's version"
    )]
    Version {
        /// URL of the server.
        base: String,
        /// Its API version.
        version: u32,
    },
    /// The answer is not one of a bacalhau server.
    #[error("{0} is not a bacalhau server: {1}")]
    Odd(String, String),
    /// The connection closed before an answer.
    #[error("the server at {0} closed the connection without an answer: {1}")]
    HungUp(String, String),
    /// Retries until the limit failed.
    #[error("{last}; gave up after {seconds} s")]
    GaveUp {
        /// Duration of the retries in seconds.
        seconds: u64,
        /// The last error.
        last: Box<ClientError>,
    },
    /// The answer ended early.
    #[error("the answer of {0} ended early: {1}")]
    Broken(String, String),
    /// Results differ from the hash announced by the server.
    #[error("the server at {base} sent results with the hash {found}, but announced {expected}")]
    OtherResults {
        /// URL of the server.
        base: String,
        /// Announced hash.
        expected: String,
        /// Hash of the received results.
        found: String,
    },
    /// Data cannot be read, or does not match its CID.
    #[error(transparent)]
    Data(#[from] DataError),
    /// This machine failed.
    #[error(transparent)]
    Host(#[from] HostFailure),
}

impl ClientError {
    /// The error for a failed request to the server at `base`.
    pub(super) fn of(base: &str, error: &ureq::Error) -> Self {
        let tls = match error {
            ureq::Error::Rustls(error) => Some(error),
            ureq::Error::Io(io) => io.get_ref().and_then(|inner| inner.downcast_ref()),
            _ => None,
        };
        match (tls, error) {
            (Some(rustls::Error::InvalidCertificate(why)), _) => Self::Certificate(base.into(), why.to_string()),
            (Some(why), _) => Self::Tls(base.into(), why.to_string()),
            (None, ureq::Error::Io(io)) if is_hang_up(io.kind()) => Self::HungUp(base.into(), io.to_string()),
            (None, error) => Self::Unreachable(base.into(), error.to_string()),
        }
    }

    /// Whether the server is busy.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Refused { status: 429 | 503, .. })
    }

    /// Whether the connection broke, before or during an answer.
    pub(super) fn is_broken(&self) -> bool {
        matches!(self, Self::HungUp(..) | Self::Broken(..))
    }

    /// Time after which to retry, if the server names one.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The error code of the server, if it answered with an error.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { body, .. } => Some(body.code),
            Self::GaveUp { last, .. } => last.code(),
            _ => None,
        }
    }
}

fn hint(body: &ErrorBody) -> String {
    body.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default()
}
