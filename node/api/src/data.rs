//! Uploads: CAR archives of clients, kept for some hours under an expiring pin.

use std::io::{ErrorKind, Read};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use bacalhau_tree::{HostFailure, Link};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::backend::BackendError;
use super::error::{ApiError, ErrorBody, ErrorCode};
use super::middleware::Peer;
use super::state::{App, Slot};
use super::stream::{BodyReader, Intake};
use bacalhau_cas::{
    DataError,
    car::CarReader,
    is_complete,
    store::{BROUGHT, Store},
};
use bacalhau_http::MinRateBody;

/// Minimum upload speed in bytes a second.
const MIN_BYTES_PER_SECOND: u64 = 16 << 10;
/// Maximum roots of an archive.
const MAX_ROOTS: usize = 64;

/// An accepted upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Added {
    /// The roots of the archive, usable as inputs `ipfs://ROOT`.
    #[schema(value_type = Vec<String>)]
    pub roots: Vec<Link>,
}

/// Upload data
///
/// The body is a CAR archive with all blocks below its roots. The node keeps it for some hours, long enough to submit a
/// job that uses it.
#[utoipa::path(
    post,
    path = "/api/v1/data",
    tag = "data",
    request_body(content = Vec<u8>, content_type = "application/vnd.ipld.car"),
    responses((status = 201, body = Added), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody))
)]
pub(super) async fn add(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Added>), ApiError> {
    let most = app.limits.data_bytes;
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > most) {
        return Err(too_large(most));
    }
    let intake = Intake { app: &app, address: peer.address.ip() };
    let mut reader = BodyReader::new(body, most, app.limits.patience);
    // No slot is held for a client that sends nothing.
    if !timeout(app.limits.body_grace, reader.begin()).await.unwrap_or(false) {
        return Err(intake.slow("the archive arrived too slowly"));
    }
    let taking = app.take(Slot::Upload, intake.address, 1)?;
    let grace = app.limits.body_grace;
    app.blocking(move |app| {
        let added = app.backend.add_data(&mut MinRateBody::at(&mut reader, grace, MIN_BYTES_PER_SECOND));
        drop(taking);
        match (added, reader.failure()) {
            (Ok(roots), _) => Ok((StatusCode::CREATED, Json(Added { roots }))),
            (Err(_), Some(ErrorKind::FileTooLarge)) => Err(too_large(most)),
            (Err(error), Some(_)) => {
                app.strike(peer.address.ip());
                Err(ApiError::new(ErrorCode::TooSlow, error.to_string()))
            }
            (Err(error), None) => Err(error.into()),
        }
    })
    .await
}

fn too_large(most: u64) -> ApiError {
    ApiError::new(ErrorCode::TooLarge, format!("the archive is larger than the limit of {most} bytes"))
        .hint("publish the data where nodes can fetch it, and name it by its CID")
}

/// Imports the blocks of an archive into `store`, checks that the DAGs of its roots are complete, and pins them with
/// the date `now_ms`.
///
/// # Errors
/// When the archive is invalid or incomplete, or the store is full.
pub fn take_car(store: &Arc<Store>, car: &mut dyn Read, now_ms: u64) -> Result<Vec<Link>, BackendError> {
    let reader = CarReader::new("the archive", car).map_err(explain)?;
    let roots = reader.roots().to_vec();
    if roots.is_empty() || roots.len() > MAX_ROOTS {
        return Err(BackendError::Refused(format!(
            "the archive has {} roots, and 1 to {MAX_ROOTS} are needed",
            roots.len()
        )));
    }
    // The writer protects its blocks from eviction.
    let writer = store.writer();
    for block in reader {
        writer.write(&block.map_err(explain)?).map_err(explain)?;
    }
    writer.commit().map_err(explain)?;
    for root in &roots {
        if !is_complete(&**store, root).map_err(explain)? {
            return Err(BackendError::Refused(format!("the archive lacks blocks below {root}")));
        }
    }
    let pinned = store.pins().map_err(explain)?;
    for root in &roots {
        let is_ours = |name: &str| name.starts_with(BROUGHT);
        // A permanent pin is not replaced.
        if pinned.iter().any(|pin| pin.cid == bacalhau_cas::canonical(root) && !is_ours(&pin.name)) {
            continue;
        }
        store.pin(root, &format!("{BROUGHT}{now_ms}")).map_err(explain)?;
    }
    writer.finish().map_err(explain)?;
    Ok(roots.into_iter().map(Link::from).collect())
}

/// Unpins uploads from before `before_ms`, and returns their number.
///
/// # Errors
/// When the disk fails.
pub fn let_go(store: &Arc<Store>, before_ms: u64) -> Result<usize, HostFailure> {
    let failed = |error: DataError| HostFailure::new(error.to_string());
    let mut count = 0;
    for pin in store.pins().map_err(failed)? {
        let taken_ms = pin.name.strip_prefix(BROUGHT).and_then(|text| text.parse::<u64>().ok());
        if taken_ms.is_some_and(|taken_ms| taken_ms < before_ms) {
            count += usize::from(store.unpin_listed(&pin).map_err(failed)?);
        }
    }
    Ok(count)
}

fn explain(error: DataError) -> BackendError {
    match error {
        DataError::Io { .. } => BackendError::Host(HostFailure::new(error.to_string())),
        error => BackendError::Refused(error.to_string()),
    }
}
