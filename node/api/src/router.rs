//! The routes of the API.

use axum::Router;
use axum::http::{Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use super::error::{ApiError, ErrorCode};
use super::middleware::guard;
use super::state::App;
use super::{data, events, executions, health, jobs, logs, nodes, openapi, page, results};

/// All routes.
pub(super) fn router(app: App) -> Router {
    let api = Router::new()
        .route("/jobs", post(jobs::submit).get(jobs::list))
        .route("/jobs/{id}", get(jobs::describe).delete(jobs::cancel))
        .route("/jobs/{id}/events", get(events::events))
        .route("/jobs/{id}/logs", get(logs::logs))
        .route("/jobs/{id}/results", get(results::results))
        .route("/jobs/{id}/results/{shard}", get(results::archive))
        .route("/data", post(data::add))
        .route("/executions", get(executions::list))
        .route("/nodes", get(nodes::nodes))
        .route("/node", get(nodes::node))
        .route("/openapi.json", get(openapi::serve));
    Router::new()
        .nest(super::PREFIX, api)
        .merge(page::routes())
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/healthz", get(health::healthz))
        .route("/metrics", get(health::metrics))
        .route("/debug/metrics", get(health::metrics))
        .fallback(no_such_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(app.clone(), guard))
        .with_state(app)
}

async fn no_such_route(uri: Uri) -> ApiError {
    ApiError::new(ErrorCode::NoSuchRoute, format!("unknown path {}", uri.path()))
        .hint(format!("{}/openapi.json lists all paths", super::PREFIX))
}

async fn method_not_allowed(method: Method, uri: Uri) -> ApiError {
    ApiError::new(ErrorCode::MethodNotAllowed, format!("{} does not take {method}", uri.path()))
        .hint(format!("{}/openapi.json lists its methods", super::PREFIX))
}
