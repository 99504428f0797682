//! The log of an execution from its provider: the current bytes, or a stream until the program ends.

use std::io::Write;

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use utoipa::ToSchema;

use super::NDJSON_TYPE;
use super::backend::LogPart;
use super::error::{ApiError, ErrorBody, ErrorCode};
use super::jobs::parsed;
use super::middleware::Peer;
use super::number;
use super::path_param::PathParam;
use super::state::{App, Shared, Slot};
use super::stream;
use bacalhau_http::Taking;
use bacalhau_job::{ExecutionId, ExecutionState, JobRecord, ShardRecord};

/// Selection of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LogParams {
    /// Shard number. Default 0.
    #[param(required = false)]
    pub shard: u32,
    /// Number of the execution. Default: the winner, or the first running one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(required = false, maximum = 65535)]
    pub execution: Option<u16>,
    /// Standard error instead of standard output.
    #[param(required = false)]
    pub stderr: bool,
    /// Start at this byte.
    #[serde(deserialize_with = "number::position")]
    #[param(required = false)]
    pub offset: u64,
    /// Stream until the program ends, as lines of JSON.
    #[param(required = false)]
    pub follow: bool,
}

/// A line of a followed log: a part of the log, its end, or an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    /// Offset of the first byte in the log.
    pub offset: u64,
    /// Bytes in base64.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub base64: String,
    /// Whether the log ends here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
    /// Why the rest is not available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Log of an execution
///
/// The current bytes; with `follow=true` lines of JSON until the program ends. Empty lines are keep-alives.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}/logs",
    tag = "jobs",
    params(("id" = String, Path, description = "Job id or unique prefix"), LogParams),
    responses(
        (status = 200, content(
            (Vec<u8> = "application/octet-stream"),
            (LogLine = "application/x-ndjson"),
        )),
        (status = "4XX", body = ErrorBody),
    )
)]
pub(super) async fn logs(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    PathParam(id): PathParam<String>,
    query: Result<Query<LogParams>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let params = parsed(query)?;
    let permit = app.take(Slot::Stream, peer.address.ip(), 1)?;
    // The first part is read before the head of the answer, so that an error has its status.
    let (execution, first) = app
        .blocking(move |app| {
            let record = app.job(&id)?;
            Shared::must_see(&headers, &record)?;
            let execution = chosen(&record, &params)?;
            Ok((execution, app.backend.log(execution, params.stderr, params.offset)?))
        })
        .await?;
    let (draining, offset) = (app.draining.clone(), params.offset);
    let reader =
        Reader { app, execution, stderr: params.stderr, offset, first: Some(first), over: false, draining, permit };
    if params.follow {
        return Ok(([(CONTENT_TYPE, NDJSON_TYPE)], reader.follow()).into_response());
    }
    Ok(([(CONTENT_TYPE, "application/octet-stream")], reader.up_to_now()).into_response())
}

/// The selected execution.
fn chosen(record: &JobRecord, params: &LogParams) -> Result<ExecutionId, ApiError> {
    let shard = usize::try_from(params.shard).ok().and_then(|shard| record.shards.get(shard)).ok_or_else(|| {
        ApiError::not_found(format!("the job has no shard {}: it has {}", params.shard, record.shards.len()))
    })?;
    let number = match params.execution {
        Some(number) if shard.execution(number).is_none() => {
            return Err(ApiError::not_found(format!("shard {} has no execution {number}", params.shard)));
        }
        Some(number) => number,
        None => most_telling(shard)
            .ok_or_else(|| ApiError::new(ErrorCode::NotYet, "no bid was accepted yet, so no execution has a log"))?,
    };
    Ok(record.job.id.execution(params.shard, number))
}

fn most_telling(shard: &ShardRecord) -> Option<u16> {
    use ExecutionState::{Published, Running, Won};
    let with = |state| shard.executions.iter().find(|execution| execution.state == state);
    let execution = [Published, Won, Running].into_iter().find_map(with).or(shard.executions.first());
    shard.published.or(execution.map(|execution| execution.number))
}

/// A client that reads a log.
struct Reader {
    app: App,
    execution: ExecutionId,
    stderr: bool,
    offset: u64,
    first: Option<LogPart>,
    over: bool,
    draining: watch::Receiver<bool>,
    permit: Taking,
}

impl Reader {
    fn up_to_now(mut self) -> Body {
        let (mut writer, body) = stream::body();
        tokio::task::spawn_blocking(move || {
            let mut write = || {
                let mut part = self.first.take().unwrap_or_default();
                while !part.bytes.is_empty() {
                    writer.write_all(&part.bytes)?;
                    self.offset += part.bytes.len() as u64;
                    if part.ended {
                        break;
                    }
                    let next = self.app.backend.log(self.execution, self.stderr, self.offset);
                    part = next.map_err(std::io::Error::other)?;
                }
                Ok(())
            };
            let done = write();
            writer.end(done);
            drop(self.permit);
        });
        body
    }

    fn follow(self) -> Body {
        Body::from_stream(futures::stream::unfold(self, |mut reader| async {
            let line = reader.next().await?;
            Some((Ok::<_, std::io::Error>(line), reader))
        }))
    }

    /// Why a followed log ended: a cancelled job deletes its log.
    async fn why_it_broke_off(&self, why: String) -> String {
        let job = self.execution.job;
        let record = self.app.blocking(move |app| Ok(app.store.job(&job)?)).await;
        match record {
            Ok(Some(record)) if record.state.is_final() => format!("the job has ended, {}: {why}", record.state),
            _ => why,
        }
    }

    /// The next line; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        let begun = Instant::now();
        while !self.over {
            let part = if let Some(part) = self.first.take() {
                Ok(part)
            } else {
                let (execution, stderr, offset) = (self.execution, self.stderr, self.offset);
                self.app.blocking(move |app| Ok(app.backend.log(execution, stderr, offset))).await.ok()?
            };
            let (offset, mut line) = (self.offset, LogLine::default());
            match part {
                Ok(part) => {
                    self.offset += part.bytes.len() as u64;
                    line = LogLine { base64: BASE64_STANDARD.encode(&part.bytes), ended: part.ended, ..line };
                }
                Err(error) => line.problem = Some(self.why_it_broke_off(error.to_string()).await),
            }
            self.over = line.ended || line.problem.is_some();
            if self.over || !line.base64.is_empty() {
                let mut text = serde_json::to_vec(&LogLine { offset, ..line }).unwrap_or_default();
                text.push(b'\n');
                return Some(text.into());
            }
            if begun.elapsed() >= self.app.limits.heartbeat {
                return Some(Bytes::from_static(b"\n"));
            }
            tokio::select! {
                _ = self.draining.changed() => self.over = true,
                () = sleep(self.app.limits.log_pause) => {}
            }
        }
        None
    }
}
