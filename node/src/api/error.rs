//! What is answered instead of what was asked for: a status, and a code, a message and a hint as JSON. Codes are stable,
//! words are not.

use std::time::Duration;

use axum::Json;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::backend::BackendError;
use super::command::CommandError;
use super::{API_VERSION, VERSION_HEADER};
use crate::job::RequestError;
use crate::store::StoreError;

/// What went wrong, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// 400: not a request of this API.
    BadRequest,
    /// 401: the signature, its time or its subject is not right.
    BadSignature,
    /// 401: the API demands a token, and the request has none of its.
    NoToken,
    /// 403: the token may only read.
    ReadOnly,
    /// 403: only the client of the job may.
    NotOwner,
    /// 403: the request is one of a web page, or under a name, that may not use this API.
    ForeignOrigin,
    /// 404: there is no such path.
    NoSuchRoute,
    /// 404: there is no such job, or shard, or execution.
    NotFound,
    /// 405: the path does not take this method.
    MethodNotAllowed,
    /// 408: the request took too long.
    TooSlow,
    /// 409: several jobs have names that begin so.
    Ambiguous,
    /// 409: the job has come to its end.
    Ended,
    /// 409: there are no results yet.
    NotYet,
    /// 410: it was here, and is not any more.
    Gone,
    /// 413: the body is too large.
    TooLarge,
    /// 415: the body has another type than the path takes.
    UnsupportedType,
    /// 422: nobody could do what is asked for.
    Refused,
    /// 429: too many requests of this client.
    OverBudget,
    /// 500: the node could not do its part.
    HostFailure,
    /// 503: too many requests of all clients, or the node is not ready.
    Busy,
    /// 507: the jobs of this client take as much as the node keeps of one client.
    QuotaExceeded,
}

/// An error, as it stands in the body of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// What went wrong, for programs.
    pub code: ErrorCode,
    /// What went wrong, in words.
    pub message: String,
    /// What may help; absent where nothing is known to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// An answer that is an error.
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

    #[cfg(test)]
    pub(super) fn code(&self) -> ErrorCode {
        self.body.code
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.body.hint = Some(hint.into());
        self
    }

    /// Too much, of this client or of all.
    pub(super) fn later(code: ErrorCode, message: impl Into<String>, pause: Duration) -> Self {
        let error = Self::new(code, message).hint("wait as long as the header retry-after says, then ask again");
        Self { retry_after: Some(pause), ..error }
    }

    /// Whole seconds, and never none: a client that reads 0 asks at once.
    fn retry_after(&self) -> Option<u64> {
        self.retry_after.map(|pause| pause.as_secs() + 1)
    }

    /// The answer as it is written to a connection of which nothing is read.
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
