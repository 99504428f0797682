//! What stands in the path of a request; where it cannot be read, that is an error like all others.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use super::error::ApiError;

/// The parts of the path that have names.
#[derive(Clone, Debug)]
pub(super) struct At<T>(pub(super) T);

impl<S: Send + Sync, T: Send> FromRequestParts<S> for At<T>
where
    Path<T>: FromRequestParts<S, Rejection = PathRejection>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let found = Path::<T>::from_request_parts(parts, state).await;
        found.map(|Path(found)| Self(found)).map_err(|error| ApiError::bad(error.body_text()))
    }
}
