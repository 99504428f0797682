//! What every request passes: the bounds that need no look at it, and the headers of every answer.

use std::net::SocketAddr;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::{ApiError, ErrorCode};
use super::state::App;
use super::{API_VERSION, CAR_TYPE, VERSION_HEADER};

const JSON_TYPE: &str = "application/json";

/// The two ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    /// Whether the connection came in at a loopback address.
    pub(super) is_loopback: bool,
}

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
    let peer = request.extensions().get::<Peer>().copied();
    // Before anything is counted: a page does not use up the budget of the user in whose browser it is.
    let is_loopback = peer.is_none_or(|peer| peer.is_loopback);
    app.access
        .hosts
        .check(request.method(), request.headers(), is_loopback)
        .inspect_err(|_| app.metrics.refused("origin"))?;
    check_type(request.method(), request.headers(), route)?;
    if let Some(peer) = peer {
        app.admit(peer.address.ip())?;
    }
    app.access.tokens.check(request.method(), request.headers()).inspect_err(|_| app.metrics.refused("token"))?;
    if !has_body(request.method(), request.headers()) {
        return app.work().map(Some);
    }
    // What reads the body makes room as it comes: a client that sends nothing holds nothing but its connection.
    if let Some(peer) = peer {
        app.check_strikes(peer.address.ip())?;
    }
    Ok(None)
}

fn has_body(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::POST
        || headers.contains_key(TRANSFER_ENCODING)
        || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0")
}

/// A body has the one type that its path takes. A page of another site cannot send these types without asking first.
fn check_type(method: &Method, headers: &HeaderMap, route: &str) -> Result<(), ApiError> {
    let expected = if route == "/api/v1/data" { CAR_TYPE } else { JSON_TYPE };
    let has_body = headers.contains_key(TRANSFER_ENCODING)
        || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0")
        || *method == Method::POST && expected == CAR_TYPE;
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()?.split(';').next());
    if !has_body || kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case(expected)) {
        return Ok(());
    }
    let message = format!("the body of the request has to have the content-type {expected}");
    Err(ApiError::new(ErrorCode::UnsupportedType, message))
}

/// A method for the metrics, which have no room for what clients make up.
fn known(method: &str) -> &str {
    if ["GET", "HEAD", "POST", "DELETE"].contains(&method) { method } else { "other" }
}
