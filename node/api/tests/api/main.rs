//! The API over real connections, in front of a node that does what the tests say.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod data;
mod flood;
mod jobs;
mod page;
mod private;
mod results;
mod retries;
mod stage;
mod streams;
mod table;

use std::sync::Arc;
use std::time::Duration;

use bacalhau_api::*;
use bacalhau_api_client::*;
use bacalhau_job::{ExecutionId, JobId, JobRecord, JobSpec, JobState, Request, Resources, SignedRequest};
use bacalhau_store::{Batch, JobStore};
use bacalhau_testkit::records::{key, spec};
use stage::{Reply, Stage, ask};

/// What a body of JSON is sent with.
const JSON: &str = "Content-Type: application/json";

fn signed(spec: JobSpec, nonce: u64, number: u8) -> SignedRequest {
    SignedRequest::sign(Request { spec, nonce: nonce.to_string() }, &key(number)).unwrap()
}

fn code(error: &ClientError) -> ErrorCode {
    error.code().unwrap_or_else(|| panic!("{error}"))
}
