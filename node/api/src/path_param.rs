//! Path parameters; an invalid one is answered with an API error.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use super::error::ApiError;

/// The named parameters of a path.
#[derive(Clone, Debug)]
pub(super) struct PathParam<T>(pub(super) T);

impl<S: Send + Sync, T: Send> FromRequestParts<S> for PathParam<T>
where
    Path<T>: FromRequestParts<S, Rejection = PathRejection>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let found = Path::<T>::from_request_parts(parts, state).await;
        found.map(|Path(found)| Self(found)).map_err(|error| ApiError::bad(error.body_text()))
    }
}
