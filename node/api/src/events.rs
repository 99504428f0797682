//! Events of a job, as a list or as a stream that ends with the job.

use std::io;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::sleep;

use super::NDJSON_TYPE;
use super::error::{ApiError, ErrorBody};
use super::jobs::parsed;
use super::middleware::Peer;
use super::number;
use super::path_param::PathParam;
use super::state::{App, Shared, Slot};
use super::view::shown;
use bacalhau_http::Taking;
use bacalhau_job::JobId;
use bacalhau_store::StoredEvent;

/// Maximum events of an answer, or of a chunk of a stream.
const MAX_EVENTS: usize = 1000;

/// Selection of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventParams {
    /// Only events after the one with this number.
    #[serde(deserialize_with = "number::position")]
    #[param(required = false)]
    pub after: u64,
    /// Page size. Default and maximum 1000. Not for streams.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number::page_size")]
    #[param(required = false, maximum = 1000)]
    pub limit: Option<usize>,
    /// Stream future events too, one a line, until the job has ended.
    #[param(required = false)]
    pub follow: bool,
}

/// Events of a job
///
/// With `follow=true` the answer is `application/x-ndjson`, one event a line; empty lines are keep-alives.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}/events",
    tag = "jobs",
    params(("id" = String, Path, description = "Job id or unique prefix"), EventParams),
    responses(
        (status = 200, content((Vec<StoredEvent> = "application/json"), (StoredEvent = "application/x-ndjson"))),
        (status = "4XX", body = ErrorBody),
    )
)]
pub(super) async fn events(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    PathParam(id): PathParam<String>,
    query: Result<Query<EventParams>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let params = parsed(query)?;
    let (job, may_see) = app
        .blocking(move |app| {
            let record = app.job(&id)?;
            let may_see = Shared::may_see(&headers, &record)?;
            Ok((record.job.id, may_see))
        })
        .await?;
    if params.follow {
        let commits = app.store.commits();
        let (permit, draining) = (app.take(Slot::Stream, peer.address.ip(), 1)?, app.draining.clone());
        let follower = Follower { app, job, after: params.after, may_see, commits, draining, _permit: permit };
        return Ok(([(CONTENT_TYPE, NDJSON_TYPE)], follower.into_body()).into_response());
    }
    let limit = params.limit.unwrap_or(MAX_EVENTS).clamp(1, MAX_EVENTS);
    app.blocking(move |app| {
        let events = app.store.events(&job, params.after, limit)?;
        Ok(Json(shown(events, may_see)).into_response())
    })
    .await
}

/// A client that follows events.
struct Follower {
    app: App,
    job: JobId,
    after: u64,
    may_see: bool,
    commits: watch::Receiver<u64>,
    draining: watch::Receiver<bool>,
    _permit: Taking,
}

impl Follower {
    fn into_body(self) -> Body {
        Body::from_stream(futures::stream::unfold(self, |mut follower| async {
            let lines = follower.next().await.transpose()?;
            Some((lines.map(Bytes::from), follower))
        }))
    }

    /// The next lines; `None` at the end.
    async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            self.commits.mark_unchanged();
            let (job, after) = (self.job, self.after);
            let found = self.app.blocking(move |app| {
                // In this order, so that a job that ends in between has all events in the next read.
                let goes_on = app.store.is_unfinished(&job)?;
                Ok((goes_on, app.store.events(&job, after, MAX_EVENTS)?))
            });
            let (goes_on, events) = found.await.map_err(|_| io::Error::other("the store of jobs failed"))?;
            if let Some(last) = events.last() {
                self.after = last.number;
                return Ok(Some(lines(&shown(events, self.may_see))));
            }
            if !goes_on || *self.draining.borrow() {
                return Ok(None);
            }
            tokio::select! {
                _ = self.commits.changed() => {}
                _ = self.draining.changed() => return Ok(None),
                () = sleep(self.app.limits.heartbeat) => return Ok(Some(b"\n".to_vec())),
            }
        }
    }
}

/// JSON values, one a line.
fn lines(values: &[impl Serialize]) -> Vec<u8> {
    let mut lines = Vec::new();
    for value in values {
        // Cannot fail: a vector accepts all writes, and events have text keys.
        serde_json::to_writer(&mut lines, value).unwrap_or_default();
        lines.push(b'\n');
    }
    lines
}
