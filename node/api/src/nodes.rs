//! This node, and the nodes known to it.

use axum::Json;
use axum::extract::State;

use super::backend::NodeFacts;
use super::error::ApiError;
use super::state::App;

/// Describe this node
#[utoipa::path(get, path = "/api/v1/node", tag = "nodes", responses((status = 200, body = NodeFacts)))]
pub(super) async fn node(State(app): State<App>) -> Result<Json<NodeFacts>, ApiError> {
    app.blocking(|app| Ok(Json(app.backend.node()))).await
}

/// List the nodes known to this one, itself first
#[utoipa::path(get, path = "/api/v1/nodes", tag = "nodes", responses((status = 200, body = Vec<NodeFacts>)))]
pub(super) async fn nodes(State(app): State<App>) -> Result<Json<Vec<NodeFacts>>, ApiError> {
    app.blocking(|app| Ok(Json(app.backend.nodes()))).await
}
