//! Middleware for every request: limits that do not depend on its content, and the headers of every answer.

use std::net::SocketAddr;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, TRANSFER_ENCODING, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::{ApiError, ErrorCode};
use super::state::App;
use super::{API_VERSION, CAR_TYPE, VERSION_HEADER};

const JSON_TYPE: &str = "application/json";

/// The addresses of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    /// Whether the local address is loopback.
    pub(super) is_loopback: bool,
}

/// Admits or rejects a request.
pub(super) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let mut response = match admit(&app, &request, &route) {
        Ok(_permit) => next.run(request).await,
        Err(error) => {
            let is_for_browser = accepts_html(request.headers());
            ask_for_token(error.into_response(), is_for_browser)
        }
    };
    app.metrics.answered(&route, known(method.as_str()), response.status().as_u16(), begun.elapsed());
    let headers = response.headers_mut();
    headers.insert(VERSION_HEADER, HeaderValue::from(API_VERSION));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // The page has its own policy. All else is untrusted data: browsers must not execute it.
    let others = [(CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"), (CACHE_CONTROL, "no-store")];
    for (name, value) in others {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Has a browser ask its user for a token, where it lacks one.
fn ask_for_token(mut response: Response, is_for_browser: bool) -> Response {
    if is_for_browser && response.status() == StatusCode::UNAUTHORIZED {
        let scheme = HeaderValue::from_static("Basic realm=\"bacalhau: the password is an access token\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
    }
    response
}

fn accepts_html(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

/// Checks the limits. `/livez` is always answered, so that a supervisor does not kill a node under load.
fn admit(app: &App, request: &Request, route: &str) -> Result<Option<tokio::sync::OwnedSemaphorePermit>, ApiError> {
    if route == "/livez" {
        return Ok(None);
    }
    let peer = request.extensions().get::<Peer>().copied();
    // Checked before the rate limit: a web page must not use up the budget of its visitor.
    let is_loopback = peer.is_none_or(|peer| peer.is_loopback);
    app.access
        .hosts
        .check(request.method(), request.headers(), is_loopback)
        .inspect_err(|_| app.metrics.refused("origin"))?;
    check_type(request.method(), request.headers(), route)?;
    if let Some(peer) = peer {
        app.admit(peer.address.ip())?;
    }
    if let Some(tokens) = &app.access.tokens {
        tokens.get().check(request.method(), request.headers()).inspect_err(|_| app.metrics.refused("token"))?;
    }
    if !has_body(request.method(), request.headers()) {
        return app.work().map(Some);
    }
    // Handlers that read the body reserve memory as it arrives, so an idle client holds only its connection.
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

/// Checks the content type, of which each path has one. Pages of other sites cannot send these types without a
/// preflight.
fn check_type(method: &Method, headers: &HeaderMap, route: &str) -> Result<(), ApiError> {
    let expected = if route == "/api/v1/data" { CAR_TYPE } else { JSON_TYPE };
    let has_body = headers.contains_key(TRANSFER_ENCODING)
        || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0")
        || *method == Method::POST && expected == CAR_TYPE;
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()?.split(';').next());
    if !has_body || kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case(expected)) {
        return Ok(());
    }
    let message = format!("the body must have the content-type {expected}");
    Err(ApiError::new(ErrorCode::UnsupportedType, message))
}

/// The method as a metric label; unknown methods share one label.
fn known(method: &str) -> &str {
    if ["GET", "HEAD", "POST", "DELETE"].contains(&method) { method } else { "other" }
}
