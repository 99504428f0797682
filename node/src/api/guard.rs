//! What every request passes: the bounds that need no look at it, and the headers of every answer.

use std::net::SocketAddr;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::ApiError;
use super::state::{App, Slot};
use super::{API_VERSION, VERSION_HEADER};

/// Who is connected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) SocketAddr);

/// Lets a request in, or not.
pub(super) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let mut response = match admit(&app, &request, &route) {
        Ok(_permit) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    app.metrics.answered(&route, known(method.as_str()), response.status().as_u16(), begun.elapsed());
    let headers = response.headers_mut();
    headers.insert(VERSION_HEADER, HeaderValue::from(API_VERSION));
    let fixed: [(HeaderName, &'static str); 3] = [
        // Results are bytes of strangers: nothing in them runs in anybody's browser.
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
        (CACHE_CONTROL, "no-store"),
    ];
    headers.extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

/// Whether the process lives is told to whoever asks: a supervisor must not be kept out by what it would help against.
fn admit(app: &App, request: &Request, route: &str) -> Result<Option<tokio::sync::OwnedSemaphorePermit>, ApiError> {
    if route == "/livez" {
        return Ok(None);
    }
    if let Some(Peer(address)) = request.extensions().get() {
        app.admit(address.ip())?;
    }
    app.take(Slot::Request).map(Some)
}

/// A method for the metrics, which have no room for what clients make up.
fn known(method: &str) -> &str {
    if ["GET", "HEAD", "POST", "DELETE"].contains(&method) { method } else { "other" }
}
