//! Results of a job: the winner of each shard, and its results directory as a CAR archive.

use std::io;
use std::path::Path as FilePath;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderName, Method};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bacalhau_receipt::{Publication, Receipt};
use bacalhau_tree::HostTree;
use libp2p_identity::PeerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::backend::ResultsDag;
use super::error::{ApiError, ErrorBody, ErrorCode};
use super::middleware::Peer;
use super::path_param::PathParam;
use super::state::{App, Shared, Slot};
use super::stream::{self, BodyWriter};
use super::{CAR_TYPE, H1_HEADER, PREFIX};
use bacalhau_cas::{
    DataError,
    unixfs::export,
    unixfs::import::{Archive, Profile},
};
use bacalhau_job::{ExecutionRecord, JobId, JobRecord, JobState, ShardRecord, ShardState};

/// Results of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobResults {
    /// Job id.
    pub job: JobId,
    /// State of the job.
    pub state: JobState,
    /// Its shards, in order.
    pub shards: Vec<ShardResult>,
}

/// Result of a shard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShardResult {
    /// State of the shard.
    pub state: ShardState,
    /// Number of the winning execution.
    pub execution: Option<u16>,
    /// Peer ID of its provider.
    #[schema(value_type = Option<String>)]
    pub peer: Option<PeerId>,
    /// The hash of the results directory.
    pub h1: Option<String>,
    /// The signed receipt.
    #[schema(value_type = Option<Object>)]
    pub receipt: Option<Receipt>,
    /// Public places of the results.
    #[schema(value_type = Vec<Object>)]
    pub publications: Vec<Publication>,
    /// Path of the archive on this server.
    pub archive: Option<String>,
    /// Why there is no result, or what it waits for.
    pub why: Option<String>,
}

impl JobResults {
    fn of(record: &JobRecord) -> Self {
        let id = record.job.id;
        let shards = record.shards.iter().enumerate().map(|(shard, record)| ShardResult::of(id, shard, record));
        Self { job: id, state: record.state, shards: shards.collect() }
    }
}

impl ShardResult {
    fn of(job: JobId, shard: usize, record: &ShardRecord) -> Self {
        let execution = record.published.and_then(|number| record.execution(number));
        let is_here = record.state == ShardState::Completed && execution.is_some();
        Self {
            state: record.state,
            execution: record.published,
            peer: execution.map(|execution| execution.peer),
            h1: execution.and_then(|execution| execution.h1.clone()),
            receipt: execution.and_then(ExecutionRecord::receipt),
            publications: execution.map(|execution| execution.publications.clone()).unwrap_or_default(),
            archive: is_here.then(|| format!("{PREFIX}/jobs/{job}/results/{shard}")),
            why: record.why.clone(),
        }
    }
}

/// Results of a job
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}/results",
    tag = "jobs",
    params(("id" = String, Path, description = "Job id or unique prefix")),
    responses((status = 200, body = JobResults), (status = "4XX", body = ErrorBody))
)]
pub(super) async fn results(
    State(app): State<App>,
    PathParam(id): PathParam<String>,
    headers: HeaderMap,
) -> Result<Json<JobResults>, ApiError> {
    app.blocking(move |app| {
        let record = app.job(&id)?;
        Shared::must_see(&headers, &record)?;
        Ok(Json(JobResults::of(&record)))
    })
    .await
}

/// Results of a shard
///
/// A CAR archive with the results directory as its only root. The header `bacalhau-h1` has the hash of the directory.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}/results/{shard}",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "Job id or unique prefix"),
        ("shard" = u32, Path, description = "Shard number, from 0"),
    ),
    responses((status = 200, body = Vec<u8>, content_type = "application/vnd.ipld.car"), (status = "4XX", body = ErrorBody))
)]
pub(super) async fn archive(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    PathParam((id, shard)): PathParam<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let shard: u32 = shard.parse().map_err(|_| ApiError::bad(format!("{shard:?} is not a shard number")))?;
    let is_head = method == Method::HEAD;
    let (job, h1, dag) = app
        .blocking(move |app| {
            let record = app.job(&id)?;
            Shared::must_see(&headers, &record)?;
            let h1 = standing(&record, shard)?;
            let dag = if is_head { None } else { Some(app.backend.results(&record.job.id, shard)?) };
            Ok((record.job.id, h1, dag))
        })
        .await?;
    let head = [
        (CONTENT_TYPE, CAR_TYPE.to_owned()),
        (HeaderName::from_static(H1_HEADER), h1.clone()),
        (ETAG, format!("\"{h1}\"")),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{job}-{shard}.car\"")),
    ];
    let Some(dag) = dag else { return Ok(head.into_response()) };
    let permit = app.take(Slot::Stream, peer.address.ip(), 1)?;
    let (writer, body) = stream::body();
    tokio::task::spawn_blocking(move || {
        write(&dag, writer);
        drop(permit);
    });
    Ok((head, body).into_response())
}

/// The hash of a shard's accepted results.
fn standing(record: &JobRecord, shard: u32) -> Result<String, ApiError> {
    let found = usize::try_from(shard).ok().and_then(|shard| record.shards.get(shard));
    let found = found
        .ok_or_else(|| ApiError::not_found(format!("the job has no shard {shard}: it has {}", record.shards.len())))?;
    let h1 = found.published.and_then(|number| found.execution(number)).and_then(|execution| execution.h1.clone());
    match h1 {
        Some(h1) if found.state == ShardState::Completed => Ok(h1),
        _ if found.state.is_final() => {
            let why = found.why.clone().unwrap_or_else(|| found.state.to_string());
            Err(ApiError::not_found(format!("shard {shard} ended without a result: {why}")))
        }
        _ => Err(ApiError::new(ErrorCode::NotYet, format!("shard {shard} has no result yet: it is {}", found.state))
            .hint("follow the events of the job until it has ended")),
    }
}

fn write(dag: &ResultsDag, mut writer: BodyWriter) {
    let done = match dag {
        ResultsDag::Dag(root, blocks) => export(Arc::clone(blocks), root.cid(), &mut writer),
        ResultsDag::Directory(dir) => write_directory(dir, &mut writer),
    };
    writer.end(done.map_err(io::Error::from));
}

/// Reads the directory twice: an archive begins with its root, which is known last. Slow clients are awaited only by this
/// thread, and not by the shared hashing threads.
fn write_directory(dir: &FilePath, writer: &mut BodyWriter) -> Result<(), DataError> {
    let tree = HostTree::open(dir).map_err(|error| DataError::io(format!("open {}", dir.display()), error))?;
    Archive::of(Arc::new(tree), Profile::default(), |_| ())?.write(writer, |_| ()).map(drop)
}
