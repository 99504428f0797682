//! JSON-RPC 2.0 over HTTP with a bearer token, as Lotus implements it. `chain` has the methods.

use std::fmt;
use std::io::Read as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ureq::http::StatusCode;
use url::Url;

use super::super::BackendError;
use bacalhau_http::{Client, HttpError, Reach, Terms};
use bacalhau_values::Secret;

/// Maximum size of an answer in bytes: a client may have some 100,000 allocations.
const MAX_ANSWER_BYTES: u64 = 64 << 20;
/// Maximum length of a node's error text in characters.
const MAX_SAID: usize = 500;
/// Lotus' code for an actor that is not on the chain (`EActorNotFound`).
const ACTOR_NOT_FOUND: i64 = 3;

/// A JSON-RPC client.
pub(super) struct Rpc {
    client: Client,
    url: Url,
    token: Option<Secret>,
    next_id: AtomicU64,
}

/// Why there is no result.
#[derive(Debug)]
pub(super) enum RpcError {
    /// The node returned an error.
    Refused {
        /// Error code.
        code: i64,
        /// Error text.
        said: String,
    },
    /// There is no answer, or a malformed one.
    Unanswered(BackendError),
}

#[derive(Serialize)]
struct Request<'a, P> {
    jsonrpc: &'static str,
    method: String,
    params: &'a P,
    id: u64,
}

#[derive(Deserialize)]
struct Response {
    id: Option<Value>,
    #[serde(default)]
    result: Value,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    code: i64,
    message: String,
}

impl Rpc {
    /// A client at `url` with `token` and the idle timeout `patience`.
    pub(super) fn new(url: Url, token: Option<Secret>, patience: Duration) -> Self {
        // The operator configures the URL.
        let terms = Terms { reach: Reach::Named, patience, total: Some(4 * patience), idle_connections: 1 };
        Self { client: Client::new(terms), url, token, next_id: AtomicU64::new(1) }
    }

    /// Calls the method `Filecoin.` plus `method` with `params`, a tuple that is sent as a list.
    pub(super) fn call<P: Serialize, R: DeserializeOwned>(&self, method: &str, params: &P) -> Result<R, RpcError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let request = Request { jsonrpc: "2.0", method: format!("Filecoin.{method}"), params, id };
        let malformed = |why: &dyn fmt::Display| {
            RpcError::Unanswered(BackendError::later(format!(
                "{} answers {method} with malformed data: {why}",
                self.name()
            )))
        };
        let body = serde_json::to_vec(&request).map_err(|error| malformed(&error))?;
        let bearer = self.token.as_ref().map(|token| format!("Bearer {}", token.expose()));
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        let mut answer = Vec::new();
        let response = match self.client.post(&self.url, &headers, &body[..]) {
            Ok(response) => {
                let read = response.into_body().take(MAX_ANSWER_BYTES + 1).read_to_end(&mut answer);
                read.map_err(|error| self.unanswered(method, &error))?;
                if answer.len() as u64 > MAX_ANSWER_BYTES {
                    return Err(malformed(&format_args!("it has more than {MAX_ANSWER_BYTES} bytes")));
                }
                serde_json::from_slice::<Response>(&answer).map_err(|error| malformed(&error))?
            }
            // Errors in the request have an HTTP status and a body.
            Err(error) => self.refusal(method, &error)?,
        };
        match response {
            Response { error: Some(Refusal { code, message }), .. } => {
                Err(RpcError::Refused { code, said: message.chars().take(MAX_SAID).collect() })
            }
            Response { id: answered, .. } if answered != Some(id.into()) => {
                Err(malformed(&"it answers another request"))
            }
            Response { result, .. } => serde_json::from_value(result).map_err(|error| malformed(&error)),
        }
    }

    /// Name of the node for messages.
    pub(super) fn name(&self) -> String {
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("the Lotus node at {}{port}", self.url.host_str().unwrap_or_default())
    }

    fn unanswered(&self, method: &str, why: &dyn fmt::Display) -> RpcError {
        RpcError::Unanswered(BackendError::later(format!("{} does not answer {method}: {why}", self.name())))
    }

    /// The JSON-RPC error in the body of an HTTP error, if there is one.
    fn refusal(&self, method: &str, error: &HttpError) -> Result<Response, RpcError> {
        let HttpError::Status { status, said, retry_after } = error else { return Err(self.unanswered(method, error)) };
        if [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(status) {
            let why = format!(
                "{} rejects the token ({status}): set filecoin.lotus_token to one of this node, made by `lotus auth \
                 create-token --perm sign`",
                self.name()
            );
            return Err(RpcError::Unanswered(BackendError::later(why)));
        }
        match serde_json::from_str::<Response>(said) {
            Ok(response) if response.error.is_some() => Ok(response),
            _ => {
                let why = format!("{} answers {method} with {status}", self.name());
                Err(RpcError::Unanswered(BackendError::Later { why, after: *retry_after }))
            }
        }
    }
}

impl RpcError {
    /// Whether the error means that the actor is not on the chain.
    pub(super) fn is_no_actor(&self) -> bool {
        matches!(self, Self::Refused { code, said } if *code == ACTOR_NOT_FOUND || said.contains("actor not found"))
    }
}

/// A temporary error: refusals depend on the state of the node's chain, wallet and settings.
impl From<RpcError> for BackendError {
    fn from(error: RpcError) -> Self {
        match error {
            RpcError::Unanswered(error) => error,
            RpcError::Refused { said, .. } if said.contains("missing permission") => Self::later(format!(
                "Lotus rejects the request: {said}. Set filecoin.lotus_token to a token with the permissions read, \
                 write and sign"
            )),
            RpcError::Refused { said, .. } => Self::later(format!("Lotus rejects the request: {said}")),
        }
    }
}

impl fmt::Debug for Rpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rpc").field("node", &self.name()).finish_non_exhaustive()
    }
}
