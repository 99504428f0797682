//! The log of an execution, as its provider has it: bytes up to now, or a stream until the program ends.

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
use super::at::At;
use super::backend::LogPart;
use super::error::{ApiError, ErrorBody, ErrorCode};
use super::guard::Peer;
use super::jobs::parsed;
use super::state::{App, Shared, Slot};
use super::stream;
use crate::http::Taking;
use crate::job::{ExecutionId, ExecutionState, JobRecord, ShardRecord};

/// Which log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LogParams {
    /// Of this shard. Default 0.
    #[param(required = false)]
    pub shard: u32,
    /// Of the execution with this number. Default: the one whose result stands, or the first that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(required = false)]
    pub execution: Option<u16>,
    /// Standard error rather than standard output.
    #[param(required = false)]
    pub stderr: bool,
    /// The first byte that is wanted.
    #[param(required = false)]
    pub offset: u64,
    /// What is still to come as well, as lines.
    #[param(required = false)]
    pub follow: bool,
}

/// A line of a log that is followed: part of the log, its end, or why there is no more of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    /// Where in the log it begins.
    pub offset: u64,
    /// Bytes in base 64.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub base64: String,
    /// Whether the log ends here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
    /// Why the rest cannot be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The log of an execution
///
/// The bytes up to now; with `follow=true` lines of JSON until the program ends, where empty ones mean that the node is there.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}/logs",
    tag = "jobs",
    params(("id" = String, Path, description = "Its name, or how no other one begins"), LogParams),
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
    At(id): At<String>,
    query: Result<Query<LogParams>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let params = parsed(query)?;
    let permit = app.take(Slot::Stream, peer.address.ip(), 1)?;
    // The first part before the head of the answer, so that an error is one.
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

/// The execution whose log is wanted.
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
            .ok_or_else(|| ApiError::new(ErrorCode::NotYet, "no bid was accepted yet, so nothing has run"))?,
    };
    Ok(record.job.id.execution(params.shard, number))
}

fn most_telling(shard: &ShardRecord) -> Option<u16> {
    use ExecutionState::{Published, Running, Won};
    let with = |state| shard.executions.iter().find(|execution| execution.state == state);
    let execution = [Published, Won, Running].into_iter().find_map(with).or(shard.executions.first());
    shard.published.or(execution.map(|execution| execution.number))
}

/// Somebody who reads a log.
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

    /// Why there is no more of a log that was followed: a job that was taken back takes its log along.
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
