//! Why a router did not answer a question.

use std::io;
use std::time::Duration;

use bacalhau_http::HttpError;

use super::router::{MAX_JSON_BYTES, MAX_LINE_BYTES};

/// Why there is no answer of a router, or an unusable one.
#[derive(Debug, thiserror::Error)]
pub(super) enum AnswerError {
    /// The request failed.
    #[error("{0}")]
    Http(HttpError),
    /// The body ended early.
    #[error("its answer broke off: {0}")]
    Read(io::Error),
    /// Another content type, shortened.
    #[error("it answered with {0:?} and not with JSON: does it speak Routing V1?")]
    ContentType(String),
    /// A line of a stream is above the limit.
    #[error("a line of its answer has more than {MAX_LINE_BYTES} bytes")]
    LongLine,
    /// A single object is above the limit.
    #[error("its answer has more than {MAX_JSON_BYTES} bytes")]
    TooLarge,
    /// A single object is not JSON.
    #[error("its answer is not JSON: {0}")]
    NotJson(serde_json::Error),
    /// The operating system gave no thread for the request.
    #[error("no thread to ask it: {0}")]
    Thread(io::Error),
    /// The answer did not begin in time.
    #[error("it did not answer within {} s", .0.as_secs_f64())]
    NotBegun(Duration),
    /// The answer did not end in time.
    #[error("it did not end its answer within {} s", .0.as_secs_f64())]
    NotEnded(Duration),
    /// It failed a moment ago, with this error, and is not asked again yet.
    #[error("{0}, a moment ago")]
    Paused(String),
}
