//! API errors: a status with a stable code, a message and a hint as JSON. Messages and hints may change.

use std::time::Duration;

use axum::Json;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::backend::BackendError;
use super::{API_VERSION, VERSION_HEADER};
use bacalhau_job::{CommandError, RequestError};
use bacalhau_store::StoreError;

/// Error code for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// 400: not a valid request.
    BadRequest,
    /// 401: invalid signature, time or subject of a command.
    BadSignature,
    /// 401: the API needs a token and the request has no valid one.
    NoToken,
    /// 403: the token is read-only.
    ReadOnly,
    /// 403: only the client of the job may do this.
    NotOwner,
    /// 403: the request comes from a web page, or has a host name, that is not allowed.
    ForeignOrigin,
    /// 404: unknown path.
    NoSuchRoute,
    /// 404: unknown job, shard or execution.
    NotFound,
    /// 405: the path does not support this method.
    MethodNotAllowed,
    /// 408: the request arrived too slowly.
    TooSlow,
    /// 409: the prefix matches several jobs.
    Ambiguous,
    /// 409: the job has ended.
    Ended,
    /// 409: there are no results yet.
    NotYet,
    /// 410: the object was deleted.
    Gone,
    /// 413: the body is too large.
    TooLarge,
    /// 415: unsupported content type.
    UnsupportedType,
    /// 422: every node would reject the request.
    Refused,
    /// 429: too many requests by this client, or too many jobs that wait for providers.
    OverBudget,
    /// 500: the node failed.
    HostFailure,
    /// 503: too many requests by all clients, or the node is not ready.
    Busy,
    /// 507: the jobs of this client have reached the maximum size stored for one client.
    QuotaExceeded,
}

/// The body of an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// Error code for programs.
    pub code: ErrorCode,
    /// Error message.
    pub message: String,
    /// What may help; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// When a client may try to submit again while the queue of jobs is full.
const QUEUE_PAUSE: Duration = Duration::from_secs(10);

/// An error answer.
#[derive(Debug)]
pub(super) struct ApiError {
    body: Box<ErrorBody>,
    retry_after: Option<Duration>,
}

impl ErrorCode {
    fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::BadSignature | Self::NoToken => StatusCode::UNAUTHORIZED,
            Self::NotOwner | Self::ReadOnly | Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::NoSuchRoute | Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Ambiguous | Self::Ended | Self::NotYet => StatusCode::CONFLICT,
            Self::Gone => StatusCode::GONE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Refused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::OverBudget => StatusCode::TOO_MANY_REQUESTS,
            Self::HostFailure => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::QuotaExceeded => StatusCode::INSUFFICIENT_STORAGE,
        }
    }
}

impl ApiError {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { body: Box::new(ErrorBody { code, message: message.into(), hint: None }), retry_after: None }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::BadRequest, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::NotFound, message)
    }

    pub(super) fn body(&self) -> &ErrorBody {
        &self.body
    }

    #[cfg(test)]
    pub(super) fn code(&self) -> ErrorCode {
        self.body.code
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.body.hint = Some(hint.into());
        self
    }

    /// A rate limit error.
    pub(super) fn later(code: ErrorCode, message: impl Into<String>, pause: Duration) -> Self {
        let error = Self::new(code, message).hint("wait for the time in the header retry-after, then retry");
        Self { retry_after: Some(pause), ..error }
    }

    /// Whole seconds, at least 1: clients retry at once after 0.
    fn retry_after(&self) -> Option<u64> {
        self.retry_after.map(|pause| pause.as_secs() + 1)
    }

    /// The answer as HTTP/1.1 text for a connection that is not read.
    pub(super) fn as_http1(&self) -> String {
        let status = self.body.code.status();
        let body = serde_json::to_string(&self.body).unwrap_or_default();
        let pause = self.retry_after().map_or_else(String::new, |seconds| format!("{RETRY_AFTER}: {seconds}\r\n"));
        format!(
            "HTTP/1.1 {status}\r\n{VERSION_HEADER}: {API_VERSION}\r\n{pause}content-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.body.code.status(), Json(&*self.body)).into_response();
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::NoSuchJob(_) => Self::not_found(message),
            StoreError::Ambiguous { .. } => Self::new(ErrorCode::Ambiguous, message),
            _ => Self::new(ErrorCode::HostFailure, message),
        }
    }
}

impl From<BackendError> for ApiError {
    fn from(error: BackendError) -> Self {
        let message = error.to_string();
        match error {
            BackendError::Refused(_) => Self::new(ErrorCode::Refused, message),
            BackendError::Gone(_) => Self::new(ErrorCode::Gone, message),
            BackendError::Busy(_) => Self::later(ErrorCode::Busy, message, Duration::from_secs(1)),
            BackendError::QueueFull(_) => Self::later(ErrorCode::OverBudget, message, QUEUE_PAUSE),
            BackendError::Quota(_) => Self::new(ErrorCode::QuotaExceeded, message),
            BackendError::Host(_) => Self::new(ErrorCode::HostFailure, message),
        }
    }
}

impl From<CommandError> for ApiError {
    fn from(error: CommandError) -> Self {
        Self::new(ErrorCode::BadSignature, error.to_string())
    }
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        let code = match error {
            RequestError::Signature => ErrorCode::BadSignature,
            RequestError::TooLarge(_) => ErrorCode::TooLarge,
            RequestError::Spec(_) => ErrorCode::Refused,
        };
        Self::new(code, error.to_string())
    }
}
