//! Nodes: this one, and those that it knows.

use axum::Json;
use axum::extract::State;

use super::backend::NodeFacts;
use super::error::ApiError;
use super::state::App;

/// This node
#[utoipa::path(get, path = "/api/v1/node", tag = "nodes", responses((status = 200, body = NodeFacts)))]
pub(super) async fn node(State(app): State<App>) -> Result<Json<NodeFacts>, ApiError> {
    app.blocking(|app| Ok(Json(app.backend.node()))).await
}

/// The nodes that this one knows, itself first
#[utoipa::path(get, path = "/api/v1/nodes", tag = "nodes", responses((status = 200, body = Vec<NodeFacts>)))]
pub(super) async fn nodes(State(app): State<App>) -> Result<Json<Vec<NodeFacts>>, ApiError> {
    app.blocking(|app| Ok(Json(app.backend.nodes()))).await
}
