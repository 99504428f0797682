//! HTTP errors, as texts that complete "cannot fetch …: ".

use std::net::IpAddr;
use std::time::Duration;

use ureq::http::StatusCode;

use super::client::CONNECT_SECONDS;

/// Why there is no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The server answered, and not with success.
    #[error("the server answered {status}")]
    Status {
        /// Its number and name.
        status: StatusCode,
        /// The first words of the body, on one line.
        said: String,
        /// Pause that the server requests.
        retry_after: Option<Duration>,
    },
    /// A success status without the requested bytes.
    #[error("{0}")]
    Unusable(String),
    /// Idle timeout.
    #[error("the server was silent for {} s", .0.as_secs_f64())]
    Silent(Duration),
    /// Below the minimum speed.
    #[error("it was not whole after {} s", .0.as_secs_f64())]
    Slow(Duration),
    /// We will not go where we were sent.
    #[error("{0}")]
    Refused(String),
    /// The network, the name service, TLS or the server's HTTP failed.
    #[error("{0}")]
    Failed(String),
}

impl HttpError {
    pub(super) fn not_public(host: &str, address: IpAddr, why: &str) -> Self {
        let shown = if host.trim_matches(['[', ']']) == address.to_string() {
            format!("{address}, which {why}")
        } else {
            format!("{host}, with the address {address}, which {why}")
        };
        Self::Refused(format!("it leads to {shown}: only public addresses are allowed there"))
    }

    /// Converts `error`. `patience` and `total` are the timeouts.
    pub(super) fn explain(error: ureq::Error, patience: Duration, total: Option<Duration>) -> Self {
        match error {
            ureq::Error::Timeout(ureq::Timeout::Connect) => {
                Self::Failed(format!("no connection within {CONNECT_SECONDS} s"))
            }
            ureq::Error::Timeout(ureq::Timeout::Resolve) => {
                Self::Failed(format!("the name service did not answer within {CONNECT_SECONDS} s"))
            }
            ureq::Error::Timeout(ureq::Timeout::Global) => Self::Slow(total.unwrap_or(patience)),
            ureq::Error::Timeout(_) => Self::Silent(patience),
            ureq::Error::HostNotFound => Self::Failed("unknown host; check the address and the network".into()),
            ureq::Error::Io(error) => Self::Failed(error.to_string()),
            ureq::Error::Other(error) => match error.downcast::<Self>() {
                Ok(error) => *error,
                Err(error) => Self::Failed(error.to_string()),
            },
            other => Self::Failed(other.to_string()),
        }
    }

    /// Whether a retry would have the same result.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Status { .. } | Self::Unusable(_) | Self::Refused(_))
    }

    /// The status, where there was one.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }
}
