//! The page of a node for people: what the JSON API shows to a reader without a key, as HTML. It is rendered here and
//! works without scripts; a script keeps it up to date. All text is escaped by `maud`.

mod assets;
mod job;
mod jobs;
mod layout;
mod node;
mod publications;
mod receipt;
mod shard;
mod words;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use maud::Markup;

use super::error::ApiError;
use super::state::App;

/// What the page may load: its own style sheet, script and data. No frame may show it.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The routes of the page.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(jobs::show))
        .route("/jobs/{id}", get(job::show))
        .route("/jobs/{id}/receipts/{shard}/{execution}", get(receipt::download))
        .route("/nodes", get(node::nodes))
        .route("/limits", get(node::limits))
        .route("/publications", get(publications::show))
        .route("/page.css", get(assets::style))
        .route("/page.js", get(assets::script))
        .route("/page.svg", get(assets::icon))
}

/// The answer with a page.
fn answer(page: Markup) -> Response {
    (headers(), Html(page.into_string())).into_response()
}

/// The answer with an error as a page, with the status of the error.
fn failed(error: ApiError) -> Response {
    let page = layout::problem(&error);
    let response = error.into_response();
    (response.status(), headers(), Html(page.into_string())).into_response()
}

fn headers() -> [(HeaderName, HeaderValue); 3] {
    [(CONTENT_SECURITY_POLICY, POLICY), (CACHE_CONTROL, "no-store"), (REFERRER_POLICY, "no-referrer")]
        .map(|(name, value)| (name, HeaderValue::from_static(value)))
}
