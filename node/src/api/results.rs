//! What a job came to: who stands for the result of each shard, and the results directory as an archive of blocks.

use std::collections::HashSet;
use std::io;
use std::path::Path as FilePath;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderName, Method};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bacalhau_runtime::{HostTree, Publication, Receipt};
use libp2p::PeerId;
use rayon::ThreadPoolBuilder;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::at::At;
use super::backend::ResultsDag;
use super::error::{ApiError, ErrorBody, ErrorCode};
use super::guard::Peer;
use super::state::{App, Shared, Slot};
use super::stream::{self, BodyWriter};
use super::{CAR_TYPE, H1_HEADER, PREFIX};
use crate::cas::car::CarWriter;
use crate::cas::unixfs::export;
use crate::cas::unixfs::import::{Profile, import};
use crate::cas::{Block, DataError};
use crate::job::{ExecutionRecord, JobId, JobRecord, JobState, ShardRecord, ShardState};

/// What a job came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobResults {
    /// The job.
    pub job: JobId,
    /// Where it stands.
    pub state: JobState,
    /// Its shards, in order.
    pub shards: Vec<ShardResult>,
}

/// What a shard came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShardResult {
    /// Where it stands.
    pub state: ShardState,
    /// The number of the execution whose result stands.
    pub execution: Option<u16>,
    /// Who ran it.
    #[schema(value_type = Option<String>)]
    pub peer: Option<PeerId>,
    /// The hash of the results directory.
    pub h1: Option<String>,
    /// The signed receipt.
    #[schema(value_type = Option<Object>)]
    pub receipt: Option<Receipt>,
    /// Where everybody gets the results.
    #[schema(value_type = Vec<Object>)]
    pub publications: Vec<Publication>,
    /// Where they are on this server.
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

/// What a job came to
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}/results",
    tag = "jobs",
    params(("id" = String, Path, description = "Its name, or how no other one begins")),
    responses((status = 200, body = JobResults), (status = "4XX", body = ErrorBody))
)]
pub(super) async fn results(
    State(app): State<App>,
    At(id): At<String>,
    headers: HeaderMap,
) -> Result<Json<JobResults>, ApiError> {
    app.blocking(move |app| {
        let record = app.job(&id)?;
        Shared::must_see(&headers, &record)?;
        Ok(Json(JobResults::of(&record)))
    })
    .await
}

/// The results of a shard
///
/// An archive of blocks (CAR) with the results directory as its only root. The header `bacalhau-h1` has the hash that the
/// directory has to have.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}/results/{shard}",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "The job's name, or how no other one begins"),
        ("shard" = u32, Path, description = "The shard, counted from 0"),
    ),
    responses((status = 200, body = Vec<u8>, content_type = "application/vnd.ipld.car"), (status = "4XX", body = ErrorBody))
)]
pub(super) async fn archive(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    At((id, shard)): At<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let shard: u32 = shard.parse().map_err(|_| ApiError::bad(format!("{shard:?} is no number of a shard")))?;
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

/// The hash of the results that stand for a shard.
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
            .hint("follow the events of the job until it has come to its end")),
    }
}

fn write(dag: &ResultsDag, mut writer: BodyWriter) {
    let done = match dag {
        ResultsDag::Dag(root, blocks) => export(Arc::clone(blocks), root.cid(), &mut writer),
        ResultsDag::Directory(dir) => write_directory(dir, &mut writer),
    };
    writer.end(done.map_err(io::Error::from));
}

/// Twice over the directory: an archive begins with its root, which is known last.
fn write_directory(dir: &FilePath, writer: &mut BodyWriter) -> Result<(), DataError> {
    let failed = |error| DataError::io("write an archive", error);
    let tree = HostTree::open(dir).map_err(|error| DataError::io(format!("open {}", dir.display()), error))?;
    // Clients may be slow: they are waited for here, and not on the threads that all others hash on.
    let pool = ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.map_err(|error| DataError::io("start a thread", io::Error::other(error)))?;
    pool.install(|| {
        let profile = Profile::default();
        let root = import(&tree, profile, &mut |_| Ok(()))?.cid;
        let mut car = CarWriter::new(writer, &[root]).map_err(failed)?;
        let mut seen = HashSet::new();
        import(&tree, profile, &mut |block: Block| {
            if seen.insert(*block.cid()) { car.write(&block).map_err(failed) } else { Ok(()) }
        })?;
        car.finish().map(drop).map_err(failed)
    })
}
