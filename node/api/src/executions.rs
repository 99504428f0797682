//! Executions that this node runs for requesters.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::{ApiError, ErrorBody};
use super::jobs::parsed;
use super::number;
use super::state::App;
use bacalhau_job::{ExecutionQuery, ExecutionState, ExecutionStatus, JobId};

/// Default page size.
const DEFAULT_PAGE: usize = 50;

/// Selection of executions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExecutionParams {
    /// Filter by state.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(required = false)]
    pub state: Option<ExecutionState>,
    /// Filter by job id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(required = false, pattern = "^[a-z2-7]{32}$")]
    pub job: Option<String>,
    /// Continue after this place: the `next` of the previous page.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number::optional_position")]
    #[param(required = false)]
    pub after: Option<u64>,
    /// Page size. Default 50, maximum 1000.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number::page_size")]
    #[param(required = false, maximum = 1000)]
    pub limit: Option<usize>,
}

/// A page of the list of executions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExecutionPage {
    /// The executions, newest first.
    pub executions: Vec<ExecutionStatus>,
    /// Start of the next page; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

impl ExecutionParams {
    fn into_query(self) -> Result<ExecutionQuery, ApiError> {
        let job = self.job.map(|text| {
            text.parse::<JobId>().map_err(|error| ApiError::bad(format!("job: {text:?} is not a job id: {error}")))
        });
        let limit = self.limit.unwrap_or(DEFAULT_PAGE);
        Ok(ExecutionQuery { state: self.state, job: job.transpose()?, after: self.after, limit })
    }
}

/// List the executions of this node as a provider, newest first
///
/// Running executions, and the latest 10,000 that have ended since the node was started. The outcome of a program is
/// shown once the verdict is known; of private jobs neither outcomes nor reasons are shown.
#[utoipa::path(
    get,
    path = "/api/v1/executions",
    tag = "executions",
    params(ExecutionParams),
    responses((status = 200, body = ExecutionPage), (status = "4XX", body = ErrorBody))
)]
pub(super) async fn list(
    State(app): State<App>,
    query: Result<Query<ExecutionParams>, QueryRejection>,
) -> Result<Json<ExecutionPage>, ApiError> {
    let query = parsed(query)?.into_query()?;
    app.blocking(move |app| Ok(Json(app.backend.executions(&query)))).await
}
