//! The chain over HTTP: `GET /ipni/v1/ad/head` and `GET /ipni/v1/ad/{cid}`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;

use crate::chain;
use bacalhau_cas::Cid;

const DAG_JSON: &str = "application/vnd.ipld.dag-json";
/// What the specification demands: blocks never change.
const FOREVER: &str = "public, max-age=29030400, immutable";
/// What it proposes: the head is always asked for.
const NEVER: &str = "no-cache, no-store, must-revalidate";

/// What is served.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    /// Where the blocks are.
    pub(crate) dir: Arc<PathBuf>,
    /// The signed head; `None` before there is an advertisement.
    pub(crate) head: Arc<Mutex<Option<Bytes>>>,
}

impl Served {
    /// Makes `head` the head.
    pub(crate) fn set_head(&self, head: Option<Bytes>) {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = head;
    }

    /// The routes of it.
    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/ipni/v1/ad/head", get(head))
            .route("/ipni/v1/ad/{cid}", get(block))
            .with_state(self.clone())
    }
}

async fn head(State(served): State<Served>) -> Response {
    let head = served.head.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match head {
        Some(bytes) => ([(CONTENT_TYPE, DAG_JSON), (CACHE_CONTROL, NEVER)], bytes).into_response(),
        // As publishers of the reference implementation do.
        None => (StatusCode::NO_CONTENT, [(CACHE_CONTROL, NEVER)]).into_response(),
    }
}

async fn block(State(served): State<Served>, Path(name): Path<String>) -> Response {
    let Ok(cid) = name.parse::<Cid>() else {
        return (StatusCode::BAD_REQUEST, "this is not a CID\n").into_response();
    };
    // A small file: not worth another thread.
    match chain::read(&served.dir, &cid) {
        Some(bytes) => ([(CONTENT_TYPE, DAG_JSON), (CACHE_CONTROL, FOREVER)], bytes).into_response(),
        None => (StatusCode::NOT_FOUND, "there is no such block\n").into_response(),
    }
}
