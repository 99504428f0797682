//! Submit, list, describe and cancel jobs.

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use libp2p_identity::PeerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::PREFIX;
use super::error::{ApiError, ErrorBody, ErrorCode};
use super::middleware::Peer;
use super::number;
use super::path_param::PathParam;
use super::state::{App, Shared, commander};
use super::stream::Intake;
use super::view::Description;
use bacalhau_job::{Action, JobId, JobState, SignedRequest};
use bacalhau_store::{Page, Query as StoreQuery};

/// Maximum size of a submitted job as JSON in bytes: twice the maximum of its canonical form.
const MAX_JOB_BYTES: usize = 2 * bacalhau_job::MAX_REQUEST_BYTES;
/// Default page size.
const DEFAULT_PAGE: usize = 50;

/// An accepted job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Accepted {
    /// Job id.
    pub id: JobId,
}

/// A cancelled job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cancelled {
    /// Job id.
    pub id: JobId,
}

/// Selection of jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// Filter by state.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(required = false)]
    pub state: Option<JobState>,
    /// Filter by the client's peer ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(required = false)]
    pub client: Option<String>,
    /// Filter by label.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(required = false)]
    pub label: Option<String>,
    /// Filter by a part of the job id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(required = false)]
    pub id: Option<String>,
    /// Continue after this place: the `next` of the previous page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(required = false)]
    pub after: Option<String>,
    /// Page size. Default 50, maximum 1000.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number::page_size")]
    #[param(required = false, maximum = 1000)]
    pub limit: Option<usize>,
}

impl ListParams {
    pub(super) fn into_query(self) -> Result<StoreQuery, ApiError> {
        let client = self.client.map(|text| {
            text.parse::<PeerId>().map_err(|error| ApiError::bad(format!("client: {text:?} is not a peer ID: {error}")))
        });
        let after = self.after.map(|text| text.parse().map_err(|error| ApiError::bad(format!("after: {error}"))));
        Ok(StoreQuery {
            state: self.state,
            client: client.transpose()?,
            label: self.label,
            id: self.id,
            after: after.transpose()?,
            limit: self.limit.unwrap_or(DEFAULT_PAGE),
        })
    }
}

/// Submit a job
///
/// The same request again is the same job; another `nonce` makes it a new one.
#[utoipa::path(
    post,
    path = "/api/v1/jobs",
    tag = "jobs",
    request_body = SignedRequest,
    responses(
        (status = 201, body = Accepted, description = "The job was accepted and is announced"),
        (status = "4XX", body = ErrorBody, description = "Rejected: malformed, not signed, too large, or too many jobs"),
        (status = "5XX", body = ErrorBody, description = "The node does not accept jobs now"),
    )
)]
pub(super) async fn submit(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    body: Body,
) -> Result<Response, ApiError> {
    let intake = Intake { app: &app, address: peer.address.ip() };
    let (bytes, _room) = intake.read(body, MAX_JOB_BYTES).await?;
    let _work = app.work()?;
    let request: SignedRequest = serde_json::from_slice(&bytes)
        .map_err(|error| ApiError::bad(format!("the body is not a signed request: {error}")))?;
    let id = app
        .blocking(move |app| {
            let client = request.check()?;
            app.admit_job(&client)?;
            let id = app.backend.submit(request)?;
            app.metrics.submitted();
            Ok(id)
        })
        .await?;
    Ok((StatusCode::CREATED, [(LOCATION, format!("{PREFIX}/jobs/{id}"))], Json(Accepted { id })).into_response())
}

/// List jobs, newest first
#[utoipa::path(
    get,
    path = "/api/v1/jobs",
    tag = "jobs",
    params(ListParams),
    responses((status = 200, body = Page), (status = "4XX", body = ErrorBody))
)]
pub(super) async fn list(
    State(app): State<App>,
    query: Result<Query<ListParams>, QueryRejection>,
) -> Result<Json<Page>, ApiError> {
    let query = parsed(query)?.into_query()?;
    app.blocking(move |app| Ok(Json(app.store.jobs(&query)?))).await
}

/// Describe a job
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}",
    tag = "jobs",
    params(("id" = String, Path, description = "Job id or unique prefix")),
    responses((status = 200, body = Description), (status = "4XX", body = ErrorBody))
)]
pub(super) async fn describe(
    State(app): State<App>,
    PathParam(id): PathParam<String>,
    headers: HeaderMap,
) -> Result<Json<Description>, ApiError> {
    app.blocking(move |app| {
        let mut record = app.job(&id)?;
        let may_see = Shared::may_see(&headers, &record)?;
        if may_see {
            app.ask_for_news(&mut record);
        }
        Ok(Json(Description::of(record, may_see)))
    })
    .await
}

/// Cancel a job
///
/// Needs the header `authorization` with a command `cancel`, signed by the job's client. Cancelling twice is not an
/// error.
#[utoipa::path(
    delete,
    path = "/api/v1/jobs/{id}",
    tag = "jobs",
    params(("id" = String, Path, description = "Job id or unique prefix")),
    responses((status = 202, body = Cancelled), (status = "4XX", body = ErrorBody))
)]
pub(super) async fn cancel(
    State(app): State<App>,
    PathParam(id): PathParam<String>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Cancelled>), ApiError> {
    app.blocking(move |app| {
        let record = app.job(&id)?;
        let id = record.job.id;
        let by = commander(&headers, Action::Cancel, &id)?;
        if by.is_none() || by != record.job.request.client() {
            return Err(ApiError::new(ErrorCode::NotOwner, "only the client of a job may cancel it")
                .hint("sign the request with the key that the job was submitted with"));
        }
        match record.state {
            JobState::Cancelled => {}
            state if state.is_final() => {
                return Err(ApiError::new(ErrorCode::Ended, format!("the job has already ended: {state}")));
            }
            _ => app.backend.cancel(&id, "cancelled by its client")?,
        }
        Ok((StatusCode::ACCEPTED, Json(Cancelled { id })))
    })
    .await
}

/// The query parameters of a request, or their error.
pub(super) fn parsed<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, ApiError> {
    query.map(|Query(params)| params).map_err(|error| ApiError::bad(error.body_text()))
}
