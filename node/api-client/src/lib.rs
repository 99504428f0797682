//! A synchronous client of the API, one method for each route. It verifies archives by their blocks and by the hash of
//! the results.

mod answering;
mod authorities;
mod error;
mod fetch;
mod lines;
mod retries;

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bacalhau_tree::HostFailure;
use libp2p_identity::Keypair;
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::config::Config;
use ureq::http::header::{AUTHORIZATION, CONTENT_TYPE, EXPECT};
use ureq::http::request::Builder;
use ureq::http::{Method, Request, Response};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector, DefaultConnector};
use ureq::{Agent, AsSendBody, Body, SendBody};

use bacalhau_api::{
    API_VERSION, Accepted, Cancelled, Description, ErrorBody, EventParams, ExecutionPage, ExecutionParams, Health,
    JobResults, ListParams, LogParams, NodeFacts, PREFIX, TOKEN_HEADER, VERSION_HEADER,
};
use bacalhau_http::encoding;
use bacalhau_job::{Action, JobId, SignedCommand, SignedRequest};
use bacalhau_store::{Page, StoredEvent};
use bacalhau_values::Secret;

use answering::{Answering, BodyUntil, Stopped};
use authorities::authorities;
use retries::Retries;

pub use error::ClientError;
pub use lines::{EventStream, LogLines};

/// Connect timeout.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// Idle timeout. Streams send a keep-alive every 10 s; submitting may wait for a disk.
const PATIENCE: Duration = Duration::from_mins(1);
/// Maximum size of a complete answer in bytes. A job with ten thousand shards and their receipts takes tens of MiB.
const MAX_ANSWER_BYTES: u64 = 1 << 30;
/// Maximum size of an error body in bytes.
const MAX_ERROR_BYTES: u64 = 64 << 10;

/// A client of one server.
#[derive(Clone)]
pub struct ApiClient {
    base: String,
    key: Keypair,
    agent: Agent,
    retries: Retries,
    token: Option<Secret>,
}

impl ApiClient {
    /// A client of the server at `base`, such as `http://127.0.0.1:1234`, that signs with `key`. Sends nothing yet.
    /// Without [`retrying`](Self::retrying), a busy server is an error.
    pub fn new(base: &str, key: Keypair) -> Self {
        let agent = agent(config(RootCerts::PlatformVerifier), &Stopped::default());
        Self { base: base.trim_end_matches('/').into(), key, agent, retries: Retries::default(), token: None }
    }

    /// The same client with retries: of a busy server for at most `limit` in each call, and a few times after a closed
    /// connection. Calls `say` before each pause.
    #[must_use]
    pub fn retrying(self, limit: Duration, say: Arc<dyn Fn(&str) + Send + Sync>) -> Self {
        Self { retries: Retries::new(limit, say), ..self }
    }

    /// The same client with an access token.
    #[must_use]
    pub fn with_token(self, token: Secret) -> Self {
        Self { token: Some(token), ..self }
    }

    /// The same client, trusting only the CAs in the PEM file at `path` for `https://` servers. By default it trusts
    /// those of this machine.
    ///
    /// # Errors
    /// When the file cannot be read, or has no certificate.
    pub fn with_ca(self, path: &Path) -> Result<Self, HostFailure> {
        Ok(Self { agent: agent(config(authorities(path)?), &Stopped::default()), ..self })
    }

    /// URL of the server.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Submits a job and returns its id.
    ///
    /// # Errors
    /// When the server rejects it, or cannot be reached; as for all methods here.
    pub fn submit(&self, request: &SignedRequest) -> Result<JobId, ClientError> {
        let json = serde_json::to_vec(request).map_err(|error| self.odd(&error))?;
        let request = || Ok(self.request(Method::POST, "/jobs").header(CONTENT_TYPE, "application/json"));
        let accepted: Accepted = self.json(self.send(request, &json[..])?)?;
        Ok(accepted.id)
    }

    /// A page of the list of jobs.
    ///
    /// # Errors
    /// As for [`submit`](Self::submit).
    pub fn jobs(&self, params: &ListParams) -> Result<Page, ClientError> {
        self.get(&with_query("/jobs", params), None)
    }

    /// The record of the job with the id or unique prefix `id`. For private data, the request is signed as the job's
    /// client.
    ///
    /// # Errors
    /// As for [`submit`](Self::submit).
    pub fn job(&self, id: &str) -> Result<Description, ClientError> {
        let path = format!("/jobs/{}", escaped(id));
        if let Ok(job) = id.parse::<JobId>() {
            return self.get(&path, Some(&job));
        }
        let found: Description = self.get(&path, None)?;
        if found.withheld { self.job(&found.record.job.id.to_string()) } else { Ok(found) }
    }

    /// Cancels a job.
    ///
    /// # Errors
    /// As for [`submit`](Self::submit); also when the job belongs to another client, or has ended.
    pub fn cancel(&self, id: &str) -> Result<JobId, ClientError> {
        let job = self.resolve(id)?;
        let request = || {
            let request = self.request(Method::DELETE, &format!("/jobs/{job}"));
            Ok(request.header(AUTHORIZATION, self.command(Action::Cancel, job)?))
        };
        let cancelled: Cancelled = self.json(self.send(request, ())?)?;
        Ok(cancelled.id)
    }

    /// The events of a job after the event with the number `after`.
    ///
    /// # Errors
    /// As for [`submit`](Self::submit).
    pub fn events(&self, id: &str, after: u64) -> Result<Vec<StoredEvent>, ClientError> {
        let job = self.resolve(id)?;
        let params = EventParams { after, ..EventParams::default() };
        self.get(&with_query(&format!("/jobs/{job}/events"), &params), Some(&job))
    }

    /// The same events and future ones, until the job has ended. A broken connection is replaced.
    ///
    /// # Errors
    /// As for [`submit`](Self::submit).
    pub fn follow_events(&self, id: &str, after: u64) -> Result<EventStream, ClientError> {
        EventStream::new(self.clone(), self.resolve(id)?, after)
    }

    /// The current log of an execution.
    ///
    /// # Errors
    /// As for [`submit`](Self::submit).
    pub fn log(&self, id: &str, params: LogParams) -> Result<impl Read + use<>, ClientError> {
        let job = self.resolve(id)?;
        let params = LogParams { follow: false, ..params };
        let response = self.ask(&with_query(&format!("/jobs/{job}/logs"), &params), Some(&job))?;
        Ok(response.into_body().into_reader())
    }

    /// The log of an execution until it ends. A broken connection is replaced.
    ///
    /// # Errors
    /// As for [`submit`](Self::submit).
    pub fn follow_log(&self, id: &str, params: LogParams) -> Result<LogLines, ClientError> {
        LogLines::new(self.clone(), self.resolve(id)?, params)
    }

    /// The results of a job.
    ///
    /// # Errors
    /// As for [`submit`](Self::submit).
    pub fn results(&self, id: &str) -> Result<JobResults, ClientError> {
        let job = self.resolve(id)?;
        self.get(&format!("/jobs/{job}/results"), Some(&job))
    }

    /// A page of the executions of the server's node as a provider.
    ///
    /// # Errors
    /// As for [`submit`](Self::submit).
    pub fn executions(&self, params: &ExecutionParams) -> Result<ExecutionPage, ClientError> {
        self.get(&with_query("/executions", params), None)
    }

    /// The nodes known to the server, itself first.
    ///
    /// # Errors
    /// As for [`submit`](Self::submit).
    pub fn nodes(&self) -> Result<Vec<NodeFacts>, ClientError> {
        self.get("/nodes", None)
    }

    /// The server's node.
    ///
    /// # Errors
    /// As for [`submit`](Self::submit).
    pub fn node(&self) -> Result<NodeFacts, ClientError> {
        self.get("/node", None)
    }

    /// The health of the server.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub fn health(&self) -> Result<Health, ClientError> {
        let request = Request::builder().uri(format!("{}/healthz?verbose", self.base));
        let response = self.run(&self.agent, request, ())?;
        self.json(response)
    }

    fn resolve(&self, id: &str) -> Result<JobId, ClientError> {
        match id.parse() {
            Ok(job) => Ok(job),
            Err(_) => Ok(self.job(id)?.record.job.id),
        }
    }

    fn request(&self, method: Method, path: &str) -> Builder {
        Request::builder().method(method).uri(format!("{}{PREFIX}{path}", self.base))
    }

    fn command(&self, action: Action, job: JobId) -> Result<String, ClientError> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let now_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let command = SignedCommand::sign(action, job, now_ms, &self.key).map_err(|error| self.odd(&error))?;
        Ok(command.to_header())
    }

    /// Gets `path`, signed as the client of `job` if given.
    fn ask(&self, path: &str, job: Option<&JobId>) -> Result<Response<Body>, ClientError> {
        let request = || {
            let request = self.request(Method::GET, path);
            let Some(job) = job else { return Ok(request) };
            Ok(request.header(AUTHORIZATION, self.command(Action::Read, *job)?))
        };
        self.send(request, ())
    }

    fn get<T: DeserializeOwned>(&self, path: &str, job: Option<&JobId>) -> Result<T, ClientError> {
        self.json(self.ask(path, job)?)
    }

    /// The successful answer. `request` is called for each attempt, because signed commands contain a time.
    fn send(
        &self,
        request: impl Fn() -> Result<Builder, ClientError>,
        body: impl AsSendBody + Copy,
    ) -> Result<Response<Body>, ClientError> {
        self.retries.run(&self.base, || succeeded(&self.base, self.run(&self.agent, request()?, body)?))
    }

    fn run(&self, agent: &Agent, request: Builder, body: impl AsSendBody) -> Result<Response<Body>, ClientError> {
        let request = match &self.token {
            Some(token) => request.header(TOKEN_HEADER, token.expose()),
            None => request,
        };
        let request = request.body(body).map_err(|error| ClientError::Address(self.base.clone(), error.to_string()))?;
        let response = agent.run(request).map_err(|error| ClientError::of(&self.base, &error))?;
        if let Some(encoding) = encoding(response.headers()) {
            return Err(self.odd(&format!("its answers have the encoding {encoding}; is there a proxy in between?")));
        }
        let version = response.headers().get(VERSION_HEADER).and_then(|text| text.to_str().ok()?.parse().ok());
        match version {
            Some(API_VERSION) => Ok(response),
            Some(version) => Err(ClientError::Version { base: self.base.clone(), version }),
            None => Err(self.odd(&"the answer has no API version")),
        }
    }

    fn json<T: DeserializeOwned>(&self, response: Response<Body>) -> Result<T, ClientError> {
        let reader = response.into_body().into_with_config().limit(MAX_ANSWER_BYTES).reader();
        serde_json::from_reader(std::io::BufReader::new(reader)).map_err(|error| {
            if error.is_io() { ClientError::Broken(self.base.clone(), error.to_string()) } else { self.odd(&error) }
        })
    }

    fn odd(&self, why: &dyn std::fmt::Display) -> ClientError {
        ClientError::Odd(self.base.clone(), why.to_string())
    }

    /// Sends `body` once, after the server has accepted the request (`Expect: 100-continue`).
    fn post_stream(&self, path: &str, kind: &str, body: impl Read) -> Result<Response<Body>, ClientError> {
        let stopped = Stopped::default();
        // A separate connection, because it can end its body.
        let agent = agent(self.agent.config().clone(), &stopped);
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, kind).header(EXPECT, "100-continue");
        let mut body = BodyUntil { body, stopped };
        succeeded(&self.base, self.run(&agent, request, SendBody::from_reader(&mut body))?)
    }
}

fn config(root_certs: RootCerts) -> Config {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_connect(Some(CONNECT_PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .timeout_per_write(Some(PATIENCE))
        .tls_config(TlsConfig::builder().root_certs(root_certs).build())
        .user_agent(concat!("bacalhau/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("identity")
        .build()
}

fn agent(config: Config, stopped: &Stopped) -> Agent {
    let connector = DefaultConnector::default().chain(Answering(stopped.clone()));
    Agent::with_parts(config, connector, DefaultResolver::default())
}

/// `response`, or its error.
fn succeeded(base: &str, response: Response<Body>) -> Result<Response<Body>, ClientError> {
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status().as_u16();
    let retry_after = response.headers().get("retry-after").and_then(|text| text.to_str().ok()?.parse().ok());
    let mut text = Vec::new();
    response.into_body().into_reader().take(MAX_ERROR_BYTES).read_to_end(&mut text).unwrap_or_default();
    match serde_json::from_slice::<ErrorBody>(&text) {
        Ok(body) => Err(ClientError::Refused { status, body, retry_after: retry_after.map(Duration::from_secs) }),
        Err(_) => Err(ClientError::Odd(base.into(), format!("it answers with status {status}"))),
    }
}

/// Prints no key.
impl std::fmt::Debug for ApiClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiClient").field("base", &self.base).finish_non_exhaustive()
    }
}

fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// `path` with `params` as a query: numbers, words and booleans.
fn with_query(path: &str, params: &impl Serialize) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if let Ok(serde_json::Value::Object(params)) = serde_json::to_value(params) {
        for (name, value) in params {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            query.append_pair(&name, &text);
        }
    }
    format!("{path}?{}", query.finish())
}
