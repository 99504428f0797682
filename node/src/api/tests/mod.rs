//! The API over real connections, in front of a node that does what the tests say.

mod data;
mod flood;
mod jobs;
mod private;
mod results;
mod retries;
mod stage;
mod streams;
mod table;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::job::{ExecutionId, JobId, JobRecord, JobSpec, JobState, Request, Resources, SignedRequest};
use crate::store::samples::{key, spec};
use crate::store::{Batch, JobStore};
use stage::{Reply, Stage, ask};

/// What a body of JSON is sent with.
const JSON: &str = "Content-Type: application/json";

fn signed(spec: JobSpec, nonce: u64, number: u8) -> SignedRequest {
    SignedRequest::sign(Request { spec, nonce: nonce.to_string() }, &key(number)).unwrap()
}

fn code(error: &ClientError) -> ErrorCode {
    error.code().unwrap_or_else(|| panic!("{error}"))
}
