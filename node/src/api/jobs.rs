//! Jobs: submitted, listed, described, taken back.

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use libp2p::PeerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::PREFIX;
use super::at::At;
use super::command::Action;
use super::error::{ApiError, ErrorBody, ErrorCode};
use super::guard::Peer;
use super::state::{App, Shared, commander};
use super::stream::Intake;
use super::view::Description;
use crate::job::{JobId, JobState, SignedRequest};
use crate::store::{Page, Query as StoreQuery};

/// Bytes of a submitted job as JSON: twice what its canonical form may have.
const MAX_JOB_BYTES: usize = 2 * crate::job::MAX_REQUEST_BYTES;
/// Jobs of a page, where nobody says otherwise.
const DEFAULT_PAGE: usize = 50;

/// A job that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Accepted {
    /// Its name.
    pub id: JobId,
}

/// A job that was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cancelled {
    /// Its name.
    pub id: JobId,
}

/// Which jobs are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// Those that stand here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(required = false)]
    pub state: Option<JobState>,
    /// Those that this client wants, by its peer id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(required = false)]
    pub client: Option<String>,
    /// Those with this label.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(required = false)]
    pub label: Option<String>,
    /// Those that have this in their name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(required = false)]
    pub id: Option<String>,
    /// Those behind this place: the `next` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(required = false)]
    pub after: Option<String>,
    /// So many. Default 50, at most 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(required = false)]
    pub limit: Option<usize>,
}

impl ListParams {
    fn into_query(self) -> Result<StoreQuery, ApiError> {
        let client = self.client.map(|text| {
            text.parse::<PeerId>().map_err(|error| ApiError::bad(format!("client: {text:?} is no peer id: {error}")))
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
/// The same request twice is the same job: its `nonce` makes it another one.
#[utoipa::path(
    post,
    path = "/api/v1/jobs",
    tag = "jobs",
    request_body = SignedRequest,
    responses(
        (status = 201, body = Accepted, description = "The job was taken, and is announced"),
        (status = "4XX", body = ErrorBody, description = "It was not: malformed, not signed, too large, too many"),
        (status = "5XX", body = ErrorBody, description = "The node takes none now"),
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
        .map_err(|error| ApiError::bad(format!("the body is no signed request: {error}")))?;
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
    params(("id" = String, Path, description = "Its name, or how no other one begins")),
    responses((status = 200, body = Description), (status = "4XX", body = ErrorBody))
)]
pub(super) async fn describe(
    State(app): State<App>,
    At(id): At<String>,
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

/// Take a job back
///
/// Needs the header `authorization` with a command `cancel`, signed by the job's client. Taking it back twice is no error.
#[utoipa::path(
    delete,
    path = "/api/v1/jobs/{id}",
    tag = "jobs",
    params(("id" = String, Path, description = "Its name, or how no other one begins")),
    responses((status = 202, body = Cancelled), (status = "4XX", body = ErrorBody))
)]
pub(super) async fn cancel(
    State(app): State<App>,
    At(id): At<String>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Cancelled>), ApiError> {
    app.blocking(move |app| {
        let record = app.job(&id)?;
        let id = record.job.id;
        let by = commander(&headers, Action::Cancel, &id)?;
        if by.is_none() || by != record.job.request.client() {
            return Err(ApiError::new(ErrorCode::NotOwner, "only the client of a job may take it back")
                .hint("sign the request with the key that the job was submitted with"));
        }
        match record.state {
            JobState::Cancelled => {}
            state if state.is_final() => {
                return Err(ApiError::new(ErrorCode::Ended, format!("the job has come to its end: {state}")));
            }
            _ => app.backend.cancel(&id, "its client took it back")?,
        }
        Ok((StatusCode::ACCEPTED, Json(Cancelled { id })))
    })
    .await
}

/// The parameters of a request, or what is wrong with them.
pub(super) fn parsed<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, ApiError> {
    query.map(|Query(params)| params).map_err(|error| ApiError::bad(error.body_text()))
}
