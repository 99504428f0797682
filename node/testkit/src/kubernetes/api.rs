//! The API over HTTP.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::cluster::{Objects, is_selected};
use super::manifest;
use crate::server::{Asked, TestServer, hang_up, respond};

/// The namespace.
pub const NAMESPACE: &str = "jobs";
/// The token that it takes.
pub const TOKEN: &str = "t0ken-of-the-test";
/// Objects of one page: fewer than clients ask for.
const PAGE: usize = 2;

/// A fault of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The next creation is answered with this status and reason.
    Create(u16, &'static str),
    /// The next creation is done, and the connection closed before the answer.
    LoseCreation,
    /// The next watch is closed in the middle of an event.
    BreakWatch,
    /// The next watch is answered with an event that its version is gone.
    Gone,
    /// From now on, the first page of each listing comes again and again.
    EndlessListing,
}

/// The API. It serves until the test's process ends.
#[derive(Clone)]
pub struct FakeKubernetes {
    server: TestServer,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    objects: Objects,
    faults: VecDeque<Fault>,
    /// Every connection is closed without an answer.
    down: bool,
    violations: Vec<String>,
    created: u64,
    watches: u64,
    deleted: Vec<String>,
}

/// An answer.
enum Answer {
    Json(u16, Value),
    HangUp,
    Watch { selector: String, from: u64, seconds: u64, fault: Option<Fault> },
}

impl Default for FakeKubernetes {
    fn default() -> Self {
        Self::start()
    }
}

impl FakeKubernetes {
    /// Starts it without objects.
    pub fn start() -> Self {
        let shared = Arc::<Shared>::default();
        let serving = Arc::clone(&shared);
        let server = TestServer::start(move |asked, stream| serving.serve(asked, stream));
        Self { server, shared }
    }

    /// Writes a configuration file for clients.
    pub fn write_kubeconfig(&self, path: &Path) {
        let server = self.server.url("/");
        let text = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": server.as_str().trim_end_matches('/')}}],
            "users": [{"name": "test", "user": {"token": TOKEN}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": NAMESPACE}}],
        });
        // JSON is YAML.
        std::fs::write(path, text.to_string()).unwrap();
    }

    /// Adds a fault.
    pub fn fault(&self, fault: Fault) {
        self.state().faults.push_back(fault);
    }

    /// Whether it answers nobody.
    pub fn set_down(&self, down: bool) {
        self.state().down = down;
        self.shared.changed.notify_all();
    }

    /// The jobs by name.
    pub fn jobs(&self) -> BTreeMap<String, Value> {
        self.state().objects.jobs.clone()
    }

    /// Puts a job there as another client would.
    pub fn put_job(&self, job: Value) {
        self.state().objects.create(job);
        self.shared.changed.notify_all();
    }

    /// Sets the status of the latest pod of a job.
    pub fn set_pod(&self, job: &str, status: Value) {
        self.state().objects.set_pod(job, status);
    }

    /// Adds another pod to a job.
    pub fn add_pod(&self, job: &str) {
        let mut state = self.state();
        let job = state.objects.jobs[job].clone();
        state.objects.add_pod(&job);
    }

    /// Sets the condition of a job, `Complete` or `Failed`.
    pub fn end_job(&self, job: &str, condition: &str, reason: &str, message: &str) {
        let status = json!({"conditions": [
            {"type": condition, "status": "True", "reason": reason, "message": message},
        ]});
        self.state().objects.set_job(job, status);
        self.shared.changed.notify_all();
    }

    /// Deletes a job as a person would.
    pub fn delete_job(&self, job: &str) {
        assert!(self.state().objects.delete(job));
        self.shared.changed.notify_all();
    }

    /// How many jobs were created, and how many watches begun.
    pub fn counts(&self) -> (u64, u64) {
        let state = self.state();
        (state.created, state.watches)
    }

    /// Names of jobs that clients have deleted.
    pub fn deleted(&self) -> Vec<String> {
        self.state().deleted.clone()
    }

    /// What clients sent that they had no reason to.
    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, asked: &Asked, stream: &mut TcpStream) -> io::Result<()> {
        let answer = self.state().answer(asked);
        self.changed.notify_all();
        match answer {
            Answer::HangUp => hang_up(),
            Answer::Json(code, value) => {
                let reason = if code < 300 { "OK" } else { "Failed" };
                let head = ["Content-Type: application/json"];
                respond(stream, &format!("{code} {reason}"), &head, value.to_string().as_bytes())
            }
            Answer::Watch { selector, from, seconds, fault } => self.watch(stream, &selector, from, seconds, fault),
        }
    }

    /// Streams changes of jobs after the version `from`.
    fn watch(
        &self,
        stream: &mut TcpStream,
        selector: &str,
        mut from: u64,
        seconds: u64,
        fault: Option<Fault>,
    ) -> io::Result<()> {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        let mut send = |text: &str| {
            write!(stream, "{:x}\r\n{text}\r\n", text.len())?;
            stream.flush()
        };
        if fault == Some(Fault::Gone) {
            let status = status(410, "Expired", "too old resource version");
            send(&format!("{}\n", json!({"type": "ERROR", "object": status})))?;
            return stream.write_all(b"0\r\n\r\n");
        }
        let until = Instant::now() + Duration::from_secs(seconds);
        let mut state = self.state();
        loop {
            let fresh = state.objects.changes.iter().find(|(version, _, _)| *version > from).cloned();
            if let Some((version, kind, job)) = fresh {
                from = version;
                if !is_selected(&job, selector) {
                    continue;
                }
                let line = format!("{}\n", json!({"type": kind, "object": job}));
                if fault == Some(Fault::BreakWatch) {
                    send(&line[..line.len() / 2])?;
                    return hang_up();
                }
                send(&line)?;
                continue;
            }
            let left = until.saturating_duration_since(Instant::now());
            if state.down {
                return hang_up();
            }
            if left.is_zero() {
                return stream.write_all(b"0\r\n\r\n");
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl State {
    fn answer(&mut self, asked: &Asked) -> Answer {
        if self.down {
            return Answer::HangUp;
        }
        if asked.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
            return Answer::Json(401, status(401, "Unauthorized", "Unauthorized"));
        }
        let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
        let query: BTreeMap<String, String> =
            url::form_urlencoded::parse(query.as_bytes()).map(|(key, value)| (key.into(), value.into())).collect();
        let jobs = format!("/apis/batch/v1/namespaces/{NAMESPACE}/jobs");
        let pods = format!("/api/v1/namespaces/{NAMESPACE}/pods");
        let name = path.strip_prefix(&jobs).and_then(|rest| rest.strip_prefix('/'));
        match (asked.method.as_str(), name) {
            ("POST", None) if path == jobs => self.create(asked, &query),
            ("GET", None) if path == jobs && query.contains_key("watch") => self.watch(&query),
            ("GET", None) if path == jobs => self.list(&query, false),
            ("GET", None) if path == pods => self.list(&query, true),
            ("GET", Some(name)) => match self.objects.jobs.get(name) {
                Some(job) => Answer::Json(200, job.clone()),
                None => Answer::Json(404, status(404, "NotFound", &format!("jobs.batch \"{name}\" not found"))),
            },
            ("DELETE", Some(name)) => self.delete(name, asked),
            _ => self.violation(&format!("{} {}", asked.method, asked.target)),
        }
    }

    fn violation(&mut self, what: &str) -> Answer {
        self.violations.push(what.to_owned());
        Answer::Json(400, status(400, "BadRequest", what))
    }

    /// The next fault, if it is one that `wanted` wants.
    fn fault(&mut self, wanted: impl Fn(Fault) -> bool) -> Option<Fault> {
        let index = self.faults.iter().position(|fault| wanted(*fault))?;
        self.faults.remove(index)
    }

    fn create(&mut self, asked: &Asked, query: &BTreeMap<String, String>) -> Answer {
        if !query.is_empty() || asked.header("content-type") != Some("application/json") {
            return self.violation(&format!("a creation with the query {query:?}"));
        }
        let fault = self.fault(|fault| matches!(fault, Fault::Create(..) | Fault::LoseCreation));
        if let Some(Fault::Create(code, reason)) = fault {
            let message = format!("jobs.batch is {}: by the test", reason.to_lowercase());
            return Answer::Json(code, status(code, reason, &message));
        }
        let Ok(job) = serde_json::from_slice::<Value>(&asked.body) else {
            return self.violation("a body without JSON");
        };
        if let Err(why) = manifest::check(&job) {
            self.violations.push(why.clone());
            return Answer::Json(422, status(422, "Invalid", &why));
        }
        let name = job["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        if self.objects.jobs.contains_key(&name) {
            let message = format!("jobs.batch \"{name}\" already exists");
            return Answer::Json(409, status(409, "AlreadyExists", &message));
        }
        self.created += 1;
        let job = self.objects.create(job);
        if fault.is_some() { Answer::HangUp } else { Answer::Json(201, job) }
    }

    fn list(&mut self, query: &BTreeMap<String, String>, pods: bool) -> Answer {
        let known = ["labelSelector", "limit", "continue"];
        let Some(selector) = query.get("labelSelector").filter(|_| query.keys().all(|key| known.contains(&&**key)))
        else {
            return self.violation(&format!("a listing with the query {query:?}"));
        };
        let Some(limit) = query.get("limit").and_then(|limit| limit.parse().ok()) else {
            return self.violation("a listing without a limit");
        };
        let all = if pods { &self.objects.pods } else { &self.objects.jobs };
        if self.faults.contains(&Fault::EndlessListing) {
            return self.page(pods, &all.values().cycle().take(limit).collect::<Vec<_>>(), "more");
        }
        let after = query.get("continue").cloned().unwrap_or_default();
        let mut found = all.iter().filter(|(name, object)| **name > after && is_selected(object, selector));
        let page: Vec<(&String, &Value)> = found.by_ref().take(PAGE.min(limit)).collect();
        let token = if found.next().is_some() { page.last().map(|(name, _)| (*name).clone()) } else { None };
        let items: Vec<&Value> = page.into_iter().map(|(_, object)| object).collect();
        self.page(pods, &items, &token.unwrap_or_default())
    }

    /// A page of a listing, and the token for the next one.
    fn page(&self, pods: bool, items: &[&Value], token: &str) -> Answer {
        let (kind, version) = if pods { ("PodList", "v1") } else { ("JobList", "batch/v1") };
        let metadata = json!({"resourceVersion": self.objects.version.to_string(), "continue": token});
        Answer::Json(200, json!({"kind": kind, "apiVersion": version, "metadata": metadata, "items": items}))
    }

    fn watch(&mut self, query: &BTreeMap<String, String>) -> Answer {
        let known = ["watch", "labelSelector", "timeoutSeconds", "resourceVersion", "allowWatchBookmarks"];
        let number = |key: &str| query.get(key).and_then(|value| value.parse().ok());
        let (selector, from, seconds) =
            (query.get("labelSelector").cloned(), number("resourceVersion"), number("timeoutSeconds"));
        let (Some(selector), Some(from), Some(seconds)) = (selector, from, seconds) else {
            return self.violation(&format!("a watch with the query {query:?}"));
        };
        if !query.keys().all(|key| known.contains(&&**key)) {
            return self.violation(&format!("a watch with the query {query:?}"));
        }
        self.watches += 1;
        let fault = self.fault(|fault| matches!(fault, Fault::BreakWatch | Fault::Gone));
        Answer::Watch { selector, from, seconds, fault }
    }

    fn delete(&mut self, name: &str, asked: &Asked) -> Answer {
        let options: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        if options["propagationPolicy"] != "Background" {
            return self.violation("a job is deleted without its pods");
        }
        if !self.objects.delete(name) {
            return Answer::Json(404, status(404, "NotFound", &format!("jobs.batch \"{name}\" not found")));
        }
        self.deleted.push(name.to_owned());
        Answer::Json(200, json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}))
    }
}

fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code, "reason": reason,
        "message": message,
    })
}
