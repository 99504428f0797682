//! Why a client has no answer.

use std::time::Duration;

use bacalhau_runtime::HostFailure;

use super::super::API_VERSION;
use super::super::error::{ErrorBody, ErrorCode};
use super::answering::is_hang_up;
use crate::cas::DataError;

/// Why there is no answer, or none that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server said no, and why.
    #[error("{}{}", .body.message, hint(.body))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What the server said.
        body: ErrorBody,
        /// After how long it may be asked again, where it says so.
        retry_after: Option<Duration>,
    },
    /// There is no connection to the server.
    #[error("cannot reach the server at {0}: {1}; is `bacalhau serve` running there?")]
    Unreachable(String, String),
    /// The server's certificate is not accepted.
    #[error(
        "the certificate of the server at {0} is not accepted: {1}; name the server by a name in its certificate, and a CA that this \
         machine does not know with --api-ca FILE"
    )]
    Certificate(String, String),
    /// There is no TLS connection to the server.
    #[error("no TLS connection to the server at {0}: {1}; use http:// where the server does not speak TLS")]
    Tls(String, String),
    /// The address is none.
    #[error("{0:?} is no address of a server ({1}): write http://HOST:PORT")]
    Address(String, String),
    /// The server speaks another version.
    #[error(
        "the server at {base} speaks version {version} of the API, and this program speaks {API_VERSION}: use the program of the server's version"
    )]
    Version {
        /// The server.
        base: String,
        /// What it speaks.
        version: u32,
    },
    /// What answers makes no sense.
    #[error("{0} is no server of bacalhau's: {1}")]
    Odd(String, String),
    /// The connection ended before there was an answer.
    #[error("the server at {0} hung up without an answer: {1}")]
    HungUp(String, String),
    /// Asked again and again, for so many seconds, and always in vain.
    #[error("{last}; gave up after {seconds} s")]
    GaveUp {
        /// For how long the server was asked.
        seconds: u64,
        /// What it said last.
        last: Box<ClientError>,
    },
    /// The answer broke off.
    #[error("the answer of {0} broke off: {1}")]
    Broken(String, String),
    /// Results are not what the server said that they are.
    #[error("the server at {base} sent other results than it said: they have the hash {found}, not {expected}")]
    OtherResults {
        /// The server.
        base: String,
        /// What it said.
        expected: String,
        /// What came.
        found: String,
    },
    /// Data cannot be read, or is not what its CID says.
    #[error(transparent)]
    Data(#[from] DataError),
    /// This machine could not do its part.
    #[error(transparent)]
    Host(#[from] HostFailure),
}

impl ClientError {
    /// Why a request to the server at `base` has no answer.
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

    /// Whether the server has too much to do.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Refused { status: 429 | 503, .. })
    }

    /// Whether the connection broke, before or in an answer.
    pub(super) fn is_broken(&self) -> bool {
        matches!(self, Self::HungUp(..) | Self::Broken(..))
    }

    /// After how long the server wants to be asked again, where it says so.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What the server said went wrong, where it did.
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
