//! Receipts as files.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;
use crate::path_param::PathParam;
use crate::state::{App, Shared};
use crate::view::Description;
use bacalhau_job::ExecutionRecord;

pub(super) async fn download(
    State(app): State<App>,
    PathParam((id, shard, execution)): PathParam<(String, usize, u16)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    app.blocking(move |app| {
        let record = app.job(&id)?;
        Shared::must_see(&headers, &record)?;
        let Description { record, .. } = Description::of(record, true);
        let found = record.shards.get(shard).and_then(|shard| shard.execution(execution));
        let receipt = found.and_then(ExecutionRecord::receipt).ok_or_else(|| {
            ApiError::not_found(format!("execution {execution} of shard {shard} has no receipt"))
                .hint("receipts arrive after the verdict")
        })?;
        let name = format!("attachment; filename=\"{}-{shard}-{execution}.json\"", record.job.id);
        Ok(([(CONTENT_TYPE, "application/json".into()), (CONTENT_DISPOSITION, name)], receipt.to_json())
            .into_response())
    })
    .await
}
