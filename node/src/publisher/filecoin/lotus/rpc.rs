//! JSON-RPC 2.0 as Lotus speaks it: one request and its answer, over HTTP, with a bearer token. Which methods there are is
//! the business of `chain`.

use std::fmt;
use std::io::Read as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ureq::http::StatusCode;
use url::Url;

use super::super::Trouble;
use crate::http::{Client, HttpError, Reach, Terms};
use bacalhau_values::Secret;

/// Bytes of an answer that are read, at most: a client may have some 100,000 allocations.
const MAX_ANSWER_BYTES: u64 = 64 << 20;
/// Characters of what a node says that are passed on.
const MAX_SAID: usize = 500;
/// What Lotus answers when an actor is not on the chain (`EActorNotFound`).
const ACTOR_NOT_FOUND: i64 = 3;

/// A node of the chain.
pub(super) struct Rpc {
    client: Client,
    url: Url,
    token: Option<Secret>,
    next_id: AtomicU64,
}

/// Why there is no result.
#[derive(Debug)]
pub(super) enum RpcError {
    /// The node has refused the method, in these words.
    Refused {
        /// The code of the error.
        code: i64,
        /// What the node said.
        said: String,
    },
    /// There is no answer, or none that makes sense.
    Unanswered(Trouble),
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
    /// Asks at `url`, in the name of `token`. The node may be silent for `patience`.
    pub(super) fn new(url: Url, token: Option<Secret>, patience: Duration) -> Self {
        // The URL is of whoever runs this node.
        let terms = Terms { reach: Reach::Named, patience, total: Some(4 * patience), idle_connections: 1 };
        Self { client: Client::new(terms), url, token, next_id: AtomicU64::new(1) }
    }

    /// Calls `Filecoin.` and `method` with `params`, a tuple, which goes over as a list.
    pub(super) fn call<P: Serialize, R: DeserializeOwned>(&self, method: &str, params: &P) -> Result<R, RpcError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let request = Request { jsonrpc: "2.0", method: format!("Filecoin.{method}"), params, id };
        let malformed = |why: &dyn fmt::Display| {
            RpcError::Unanswered(Trouble::later(format!(
                "{} answers {method} with what makes no sense: {why}",
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
            // What is wrong with the request itself is said with a status, and in the body too.
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

    /// Where it is, as it may be shown.
    pub(super) fn name(&self) -> String {
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("the Lotus node at {}{port}", self.url.host_str().unwrap_or_default())
    }

    fn unanswered(&self, method: &str, why: &dyn fmt::Display) -> RpcError {
        RpcError::Unanswered(Trouble::later(format!("{} does not answer {method}: {why}", self.name())))
    }

    /// The refusal in the body of an answer that is no success, where there is one.
    fn refusal(&self, method: &str, error: &HttpError) -> Result<Response, RpcError> {
        let HttpError::Status { status, said, retry_after } = error else { return Err(self.unanswered(method, error)) };
        if [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(status) {
            let why = format!(
                "{} does not take the token ({status}): set filecoin.lotus_token to one that it has made, by `lotus auth \
                 create-token --perm sign`",
                self.name()
            );
            return Err(RpcError::Unanswered(Trouble::later(why)));
        }
        match serde_json::from_str::<Response>(said) {
            Ok(response) if response.error.is_some() => Ok(response),
            _ => {
                let why = format!("{} answers {method} with {status}", self.name());
                Err(RpcError::Unanswered(Trouble::Later { why, after: *retry_after }))
            }
        }
    }
}

impl RpcError {
    /// Whether an actor that was asked about is not on the chain.
    pub(super) fn is_no_actor(&self) -> bool {
        matches!(self, Self::Refused { code, said } if *code == ACTOR_NOT_FOUND || said.contains("actor not found"))
    }
}

/// As something that may work later: what a node refuses depends on the state of its chain, its wallet and its settings.
impl From<RpcError> for Trouble {
    fn from(error: RpcError) -> Self {
        match error {
            RpcError::Unanswered(trouble) => trouble,
            RpcError::Refused { said, .. } if said.contains("missing permission") => Self::later(format!(
                "Lotus refuses: {said}. Set filecoin.lotus_token to one with the permissions read, write and sign"
            )),
            RpcError::Refused { said, .. } => Self::later(format!("Lotus refuses: {said}")),
        }
    }
}

impl fmt::Debug for Rpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rpc").field("node", &self.name()).finish_non_exhaustive()
    }
}
