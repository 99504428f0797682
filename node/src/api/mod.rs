//! The HTTP API of a node, under `/api/v1`: what a client may ask, how much of it, and the answers; and a client of it. What
//! the node does is behind [`Backend`], what is known of jobs is read from the store. [`openapi`] is the contract.
//!
//! # Who may what
//!
//! Everybody who can reach the address may submit, list and look, unless the API demands [`Tokens`]: it listens on loopback unless told
//! otherwise. Jobs are
//! signed by their clients. A [`SignedCommand`] in the header `authorization` shows that a request is its client's, which
//! `DELETE` needs, and what is private of a job: inputs, logs, results, receipts and words of what happened.
//!
//! Web pages may not: see [`AllowedHosts`]. A request with a body names its type, which a page cannot do without asking first, and
//! is told no: there are no CORS headers.
//!
//! # What a client may cost
//!
//! [`Limits`] has all bounds. Requests are counted by address before they are read, and by the client's key once its
//! signature is known to be good: nobody can use up the budget of somebody else. What is too much is refused at once, with
//! 429 or 503 and `retry-after`; nothing queues.

mod at;
mod backend;
mod client;
mod command;
mod connections;
mod data;
mod error;
mod events;
mod executions;
mod guard;
mod health;
mod hosts;
mod jobs;
mod limits;
mod logs;
mod nodes;
mod openapi;
mod pem;
mod results;
mod router;
mod server;
mod state;
mod stream;
#[cfg(test)]
mod tests;
mod tls;
mod tokens;
mod view;

pub use backend::{Backend, BackendError, Check, LogPart, NodeFacts, ResultsDag};
pub use client::{ApiClient, ClientError, EventStream, LogLines};
pub use command::{Action, CommandError, SignedCommand};
pub use data::{let_go, take_car};
pub use error::{ErrorBody, ErrorCode};
pub use events::EventParams;
pub use executions::{ExecutionPage, ExecutionParams};
pub use health::Health;
pub use hosts::AllowedHosts;
pub use jobs::{Accepted, Cancelled, ListParams};
pub use limits::Limits;
pub use logs::{LogLine, LogParams};
pub use openapi::openapi;
pub use results::{JobResults, ShardResult};
pub use server::{Access, ApiServer};
pub use tls::Tls;
pub use tokens::Tokens;
pub use view::Description;

/// Where the API begins.
pub const PREFIX: &str = "/api/v1";
/// The header of every answer with the version of the API: clients of another one say so, and stop.
pub const VERSION_HEADER: &str = "bacalhau-api";
/// The version of the API.
pub const API_VERSION: u32 = 1;
/// The header of an archive with the hash of the results in it.
pub const H1_HEADER: &str = "bacalhau-h1";
/// The header of a request with the token that an API may demand; `authorization: Bearer TOKEN` does as well.
pub const TOKEN_HEADER: &str = "bacalhau-token";
/// What archives of blocks are called.
pub const CAR_TYPE: &str = "application/vnd.ipld.car";
/// What a stream of JSON values, one a line, is called. Empty lines mean that the server is still there.
pub const NDJSON_TYPE: &str = "application/x-ndjson";
