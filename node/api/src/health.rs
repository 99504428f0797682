//! Liveness, readiness, health and metrics.

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
use bacalhau_metrics::CONTENT_TYPE as METRICS_TYPE;

/// Health of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Whether all checks pass.
    pub ok: bool,
    /// Failed checks, or with `?verbose` all checks.
    pub checks: Vec<Check>,
}

/// Liveness: whether the process runs
#[utoipa::path(get, path = "/livez", tag = "health", responses((status = 200, body = Health)))]
pub(super) async fn livez() -> Json<Health> {
    Json(Health { ok: true, checks: Vec::new() })
}

/// Readiness: whether the node accepts jobs
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "health",
    params(("verbose" = Option<String>, Query, description = "Include the individual checks")),
    responses((status = 200, body = Health), (status = 503, body = Health, description = "Not ready; the body has the \
        failed checks"))
)]
pub(super) async fn readyz(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, ApiError> {
    let verbose = is_verbose(query.as_deref());
    app.blocking(move |app| Ok(told(ready(app), verbose))).await
}

/// Health: whether the node accepts jobs and its disk works
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "health",
    params(("verbose" = Option<String>, Query, description = "Include the individual checks")),
    responses((status = 200, body = Health), (status = 503, body = Health, description = "Unhealthy; the body has the \
        failed checks"))
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

/// Metrics for Prometheus
///
/// `/debug/metrics` is an alias.
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
    let problem = app.draining.borrow().then(|| "the node is stopping".into());
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
