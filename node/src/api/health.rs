//! Whether the process lives, takes jobs, and is well; and what it counts.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::backend::Check;
use super::error::ApiError;
use super::state::{App, Shared};
use crate::metrics::CONTENT_TYPE as METRICS_TYPE;

/// How a node does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Whether all is right.
    pub ok: bool,
    /// What was looked at: what is not right, or, with `?verbose`, all of it.
    pub checks: Vec<Check>,
}

/// Whether the process lives
#[utoipa::path(get, path = "/livez", tag = "health", responses((status = 200, body = Health)))]
pub(super) async fn livez() -> Json<Health> {
    Json(Health { ok: true, checks: Vec::new() })
}

/// Whether the node takes jobs
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "health",
    params(("verbose" = Option<String>, Query, description = "Say all that was looked at")),
    responses((status = 200, body = Health), (status = 503, body = Health, description = "It does not, and why"))
)]
pub(super) async fn readyz(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, ApiError> {
    let verbose = is_verbose(query.as_deref());
    app.blocking(move |app| Ok(told(ready(app), verbose))).await
}

/// Whether the node takes jobs, and its disk works
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "health",
    params(("verbose" = Option<String>, Query, description = "Say all that was looked at")),
    responses((status = 200, body = Health), (status = 503, body = Health, description = "Something is wrong, and what"))
)]
pub(super) async fn healthz(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, ApiError> {
    let verbose = is_verbose(query.as_deref());
    app.blocking(move |app| {
        let mut checks = ready(app);
        let problem = app.store.last_ms().err().map(|error| error.to_string());
        checks.push(Check { name: "store".into(), problem });
        Ok(told(checks, verbose))
    })
    .await
}

/// What the node counts, for Prometheus
///
/// `/debug/metrics` is the same.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "health",
    responses((status = 200, body = String, content_type = "application/openmetrics-text"))
)]
pub(super) async fn metrics(State(app): State<App>) -> Response {
    ([(CONTENT_TYPE, METRICS_TYPE)], app.metrics.text()).into_response()
}

fn is_verbose(query: Option<&str>) -> bool {
    query.unwrap_or_default().split('&').any(|param| param.split('=').next() == Some("verbose"))
}

fn ready(app: &Shared) -> Vec<Check> {
    let problem = app.draining.borrow().then(|| "the node is ending".into());
    let mut checks = vec![Check { name: "api".into(), problem }];
    checks.extend(app.backend.checks());
    checks
}

fn told(mut checks: Vec<Check>, verbose: bool) -> Response {
    let ok = checks.iter().all(|check| check.problem.is_none());
    if !verbose {
        checks.retain(|check| check.problem.is_some());
    }
    let status = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Health { ok, checks })).into_response()
}
