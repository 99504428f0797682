//! The HTTP API of a node under `/api/v1`. [`Backend`] is the node behind it; jobs are read from
//! the store. [`openapi`] is the contract.
//!
//! # Access
//!
//! Every client that reaches the address may submit, list and read, unless the API needs [`Tokens`]. By default it
//! listens on loopback. Jobs are signed by their clients. A [`SignedCommand`](bacalhau_job::SignedCommand) in the header `authorization`
//! authenticates the job's client, which `DELETE` needs, and private data of a job: inputs, logs, results, receipts and
//! texts of events.
//!
//! Web pages have no access: see [`AllowedHosts`]. A request with a body must have a content type that a page cannot
//! send without a preflight, and there are no CORS headers.
//!
//! At `/` is a page for people, with what a reader without a key may see: jobs, nodes, publications and limits.
//!
//! # Limits
//!
//! [`Limits`] has all limits. Requests are counted by address before they are read, and by the client's key once its
//! signature is verified, so that no client can use up the budget of another. Requests beyond a limit are rejected at
//! once with 429 or 503 and `retry-after`; there is no queue.

mod backend;
mod connections;
mod data;
mod error;
mod events;
mod executions;
mod health;
mod hosts;
mod jobs;
mod limits;
mod logs;
mod middleware;
mod nodes;
mod number;
mod openapi;
mod page;
mod path_param;
pub mod pem;
mod reloaded;
mod results;
mod router;
mod server;
mod state;
mod stream;
mod tls;
mod tokens;
mod view;

pub use backend::{Backend, BackendError, Check, LogPart, NodeFacts, ResultsDag};
pub use data::{Added, let_go, take_car};
pub use error::{ErrorBody, ErrorCode};
pub use events::EventParams;
pub use executions::{ExecutionPage, ExecutionParams};
pub use health::Health;
pub use hosts::AllowedHosts;
pub use jobs::{Accepted, Cancelled, ListParams};
pub use limits::Limits;
pub use logs::{LogLine, LogParams};
pub use openapi::openapi;
pub use reloaded::Reloaded;
pub use results::{JobResults, ShardResult};
pub use server::{Access, ApiServer};
pub use tls::Tls;
pub use tokens::Tokens;
pub use view::Description;

/// Path prefix of the API.
pub const PREFIX: &str = "/api/v1";
/// Header of every answer with the API version. Clients of another version stop.
pub const VERSION_HEADER: &str = "bacalhau-api";
/// API version.
pub const API_VERSION: u32 = 1;
/// Header of an archive with the hash of its results.
pub const H1_HEADER: &str = "bacalhau-h1";
/// Header of a request with an access token; `authorization: Bearer TOKEN` is an alternative.
pub const TOKEN_HEADER: &str = "bacalhau-token";
/// Content type of archives.
pub const CAR_TYPE: &str = "application/vnd.ipld.car";
/// Content type of streams of JSON, one value a line. Empty lines are keep-alives.
pub const NDJSON_TYPE: &str = "application/x-ndjson";
