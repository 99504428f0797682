//! A fake of a pinning service, written after the published schema of the IPFS Pinning Service API 1.0.0
//! (<https://ipfs.github.io/pinning-services-api-spec/>): it takes nothing that the schema does not have, and notes it. No
//! real service was ever asked. What it says to have pinned, its delegate has fetched, block by block.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::thread;

use multiaddr::{Multiaddr, Protocol};
use serde_json::{Map, Value, json};

use super::delegate::Delegate;
use crate::server::{Asked, TestServer, hang_up, respond, say_nothing};

/// The token that it takes.
pub const TOKEN: &str = "t0ken-of-the-test";

/// A fault of the service at the next request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Answers with this status, header and body, and does nothing.
    Status(&'static str, &'static str, &'static str),
    /// Handles the request, and closes the connection before the answer.
    LoseAnswer,
    /// Says nothing until the client hangs up.
    Silence,
    /// Answers byte for byte, slowly enough to be noticed.
    Slow,
}

/// The service.
#[derive(Clone)]
pub struct Service {
    server: TestServer,
    state: Arc<Mutex<State>>,
}

/// Its state.
pub struct State {
    delegate: Arc<Delegate>,
    /// The addresses of its delegate that it reports.
    delegates: Vec<String>,
    pins: BTreeMap<String, Pin>,
    /// Requests so far, of which each gets a name.
    made: u64,
    faults: VecDeque<Fault>,
    violations: Vec<String>,
    takes_archives: bool,
    /// Pins stay queued.
    holds: bool,
}

struct Pin {
    cid: String,
    name: Option<String>,
    origins: Vec<String>,
    meta: Map<String, Value>,
    created: String,
    status: &'static str,
    details: Option<String>,
}

impl Service {
    /// One whose pins `delegate` fetches. It says that this is at `delegates`.
    pub fn start(delegate: &Arc<Delegate>, delegates: Vec<String>) -> Self {
        let state = Arc::new(Mutex::new(State {
            delegate: Arc::clone(delegate),
            delegates,
            pins: BTreeMap::new(),
            made: 0,
            faults: VecDeque::new(),
            violations: Vec::new(),
            takes_archives: false,
            holds: false,
        }));
        let shared = Arc::clone(&state);
        let server = TestServer::start(move |asked, stream| answer(&shared, asked, stream));
        Self { server, state }
    }

    /// The URL of its API.
    pub fn endpoint(&self) -> String {
        self.server.url("/psa").to_string()
    }

    /// Changes its state between two requests.
    pub fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    /// Does this with the next requests.
    pub fn fault(&self, faults: &[Fault]) {
        self.state.lock().unwrap().faults.extend(faults.iter().cloned());
    }

    /// Where the pins stand, by the names of their requests.
    pub fn pins(&self) -> Vec<(String, &'static str)> {
        self.state.lock().unwrap().pins.iter().map(|(id, pin)| (id.clone(), pin.status)).collect()
    }

    /// Name, addresses and metadata of the only pin.
    pub fn only_pin(&self) -> (String, Vec<String>, Map<String, Value>) {
        let state = self.state.lock().unwrap();
        assert_eq!(state.pins.len(), 1);
        let pin = state.pins.values().next().unwrap();
        (pin.name.clone().unwrap(), pin.origins.clone(), pin.meta.clone())
    }

    /// How often this was asked: method and path, without the query.
    pub fn asked(&self, method: &str, path: &str) -> usize {
        let is = |asked: &&Asked| asked.method == method && asked.target.split('?').next() == Some(path);
        self.server.asked().iter().filter(is).count()
    }

    /// Panics if a request was not of the schema.
    pub fn assert_strict(&self) {
        let violations = &self.state.lock().unwrap().violations;
        assert!(violations.is_empty(), "{violations:#?}");
    }
}

/// Settings of a service for tests.
impl State {
    /// From now on it takes uploads of archives.
    pub fn take_archives(&mut self) {
        self.takes_archives = true;
    }

    /// Whether pins stay in its queue.
    pub fn hold(&mut self, holds: bool) {
        self.holds = holds;
    }

    /// As if it had never been asked for anything.
    pub fn forget(&mut self) {
        self.pins.clear();
    }

    /// All pins fail, for this reason.
    pub fn fail(&mut self, details: &str) {
        for pin in self.pins.values_mut() {
            (pin.status, pin.details) = ("failed", Some(details.into()));
        }
    }
}

type Answer = (&'static str, Value);

fn answer(state: &Arc<Mutex<State>>, asked: &Asked, stream: &mut TcpStream) -> io::Result<()> {
    let fault = state.lock().unwrap().faults.pop_front();
    match fault {
        Some(Fault::Status(status, header, body)) => {
            let headers: &[&str] = if header.is_empty() { &[] } else { &[header] };
            return respond(stream, status, headers, body.as_bytes());
        }
        Some(Fault::Silence) => return say_nothing(stream),
        Some(Fault::LoseAnswer | Fault::Slow) | None => {}
    }
    let (status, body) = take(state, asked).unwrap_or_else(|(status, reason, why)| {
        if status == "400 Bad Request" {
            let note = format!("{} {}: {why}", asked.method, asked.target);
            state.lock().unwrap().violations.push(note);
        }
        (status, json!({"error": {"reason": reason, "details": why}}))
    });
    let text = body.to_string();
    match fault {
        Some(Fault::LoseAnswer) => hang_up(),
        Some(Fault::Slow) => {
            write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", text.len())?;
            for byte in text.bytes() {
                stream.write_all(&[byte])?;
                thread::park_timeout(std::time::Duration::from_millis(1));
            }
            Ok(())
        }
        _ => respond(stream, status, &["Content-Type: application/json"], text.as_bytes()),
    }
}

type Refused = (&'static str, &'static str, String);

fn bad<T>(why: impl Into<String>) -> Result<T, Refused> {
    Err(("400 Bad Request", "BAD_REQUEST", why.into()))
}

fn take(state: &Arc<Mutex<State>>, asked: &Asked) -> Result<Answer, Refused> {
    if asked.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
        return Err(("401 Unauthorized", "UNAUTHORIZED", "Access token is missing or invalid".into()));
    }
    let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    let query: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    if asked.method == "GET" && !asked.body.is_empty() {
        return bad("a GET with a body");
    }
    match (asked.method.as_str(), path) {
        ("GET", "/psa/pins") => list(&state.lock().unwrap(), &query),
        ("POST", "/psa/pins") if query.is_empty() => add(state, asked),
        ("POST", "/psa/content/add-car") => upload(&state.lock().unwrap(), asked, &query),
        ("GET", path) if query.is_empty() => match path.strip_prefix("/psa/pins/") {
            Some(id) if !id.contains('/') => status(state, id),
            _ => bad("there is no such path"),
        },
        _ => bad("there is no such operation"),
    }
}

fn list(state: &State, query: &[(String, String)]) -> Result<Answer, Refused> {
    const STATES: [&str; 4] = ["queued", "pinning", "pinned", "failed"];
    let mut filters: BTreeMap<&str, &str> = BTreeMap::new();
    for (key, value) in query {
        let is_known = ["cid", "name", "match", "status", "before", "after", "limit", "meta"].contains(&key.as_str());
        if !is_known || filters.insert(key, value).is_some() {
            return bad(format!("the parameter {key} is unknown, or there twice"));
        }
    }
    let cids: Option<Vec<&str>> = filters.get("cid").map(|list| list.split(',').collect());
    for cid in cids.iter().flatten() {
        check_cid(cid)?;
    }
    let states: Vec<&str> = filters.get("status").map_or(vec!["pinned"], |list| list.split(',').collect());
    if states.iter().any(|state| !STATES.contains(state)) || filters.get("name").is_some_and(|name| name.len() > 255) {
        return bad("a status or a name that there cannot be");
    }
    if !filters.get("limit").is_none_or(|limit| limit.parse().is_ok_and(|limit: u16| (1..=1000).contains(&limit))) {
        return bad("limit");
    }
    let is_wanted = |pin: &Pin| {
        states.contains(&pin.status)
            && cids.as_ref().is_none_or(|cids| cids.contains(&pin.cid.as_str()))
            && filters.get("name").is_none_or(|name| pin.name.as_deref() == Some(name))
    };
    let found: Vec<Value> =
        state.pins.iter().filter(|(_, pin)| is_wanted(pin)).map(|(id, pin)| shown(state, id, pin)).collect();
    Ok(("200 OK", json!({"count": found.len(), "results": found.into_iter().take(10).collect::<Vec<_>>()})))
}

fn add(state: &Arc<Mutex<State>>, asked: &Asked) -> Result<Answer, Refused> {
    if asked.header("content-type") != Some("application/json") {
        return bad("content type");
    }
    let Ok(Value::Object(body)) = serde_json::from_slice(&asked.body) else { return bad("it is no JSON object") };
    if let Some(key) = body.keys().find(|key| !["cid", "name", "origins", "meta"].contains(&key.as_str())) {
        return bad(format!("the field {key} is unknown"));
    }
    let Some(Value::String(cid)) = body.get("cid") else { return bad("cid is to be a text") };
    check_cid(cid)?;
    let name = match body.get("name") {
        None => None,
        Some(Value::String(name)) if name.chars().count() <= 255 => Some(name.clone()),
        Some(_) => return bad("name is to be a text of 255 characters at most"),
    };
    let origins = match body.get("origins") {
        None => Vec::new(),
        Some(Value::Array(origins)) if origins.len() <= 20 => origins.iter().map(origin).collect::<Result<_, _>>()?,
        Some(_) => return bad("origins are to be 20 at most"),
    };
    if (1..origins.len()).any(|index| origins[..index].contains(&origins[index])) {
        return bad("origins are to be unique");
    }
    let meta = match body.get("meta") {
        None => Map::new(),
        Some(Value::Object(meta)) if meta.len() <= 1000 && meta.values().all(Value::is_string) => meta.clone(),
        Some(_) => return bad("meta is to hold texts"),
    };
    let mut state = state.lock().unwrap();
    state.made += 1;
    // With a slash, since the schema says nothing of what a name is made of.
    let id = format!("request/{:04}", state.made);
    let created = format!("2026-01-01T00:00:{:02}.000Z", state.made % 60);
    let pin = Pin { cid: cid.clone(), name, origins, meta, created, status: "queued", details: None };
    let shown = shown(&state, &id, &pin);
    state.pins.insert(id, pin);
    Ok(("202 Accepted", shown))
}

fn status(state: &Arc<Mutex<State>>, id: &str) -> Result<Answer, Refused> {
    let id = percent_encoding::percent_decode_str(id).decode_utf8_lossy().into_owned();
    let mut locked = state.lock().unwrap();
    let holds = locked.holds;
    let delegate = Arc::clone(&locked.delegate);
    let Some(pin) = locked.pins.get_mut(&id) else {
        return Err(("404 Not Found", "NOT_FOUND", "The specified resource was not found".into()));
    };
    if pin.status == "queued" && !holds {
        pin.status = "pinning";
        let (cid, origins, state, id) = (pin.cid.clone(), pin.origins.clone(), Arc::clone(state), id.clone());
        thread::spawn(move || {
            let fetched = delegate.fetch(&cid, &origins);
            if let Some(pin) = state.lock().unwrap().pins.get_mut(&id).filter(|pin| pin.status == "pinning") {
                match fetched {
                    Ok(()) => pin.status = "pinned",
                    Err(why) => (pin.status, pin.details) = ("failed", Some(why)),
                }
            }
        });
    }
    let shown = shown(&locked, &id, &locked.pins[&id]);
    Ok(("200 OK", shown))
}

/// As Estuary took them: the archive is the body.
fn upload(state: &State, asked: &Asked, query: &[(String, String)]) -> Result<Answer, Refused> {
    if !state.takes_archives {
        return Err(("404 Not Found", "NOT_FOUND", "no uploads here".into()));
    }
    if query.len() != 1 || query[0].0 != "filename" || asked.header("content-type") != Some("application/vnd.ipld.car")
    {
        return bad("an upload has a filename and is an archive");
    }
    if asked.header("transfer-encoding") != Some("chunked") {
        return bad("an archive is to be streamed: nobody knows its length before");
    }
    match state.delegate.take(&asked.body) {
        Ok(cid) => Ok(("200 OK", json!({"cid": cid, "retrieval_url": "", "estuaryId": 1, "providers": []}))),
        Err(why) => bad(why),
    }
}

fn shown(state: &State, id: &str, pin: &Pin) -> Value {
    let mut info = Map::new();
    info.extend(pin.details.iter().map(|details| ("status_details".to_owned(), json!(details))));
    json!({
        "requestid": id, "status": pin.status, "created": pin.created, "delegates": state.delegates, "info": info,
        "pin": {"cid": pin.cid, "name": pin.name, "origins": pin.origins, "meta": pin.meta},
    })
}

fn check_cid(text: &str) -> Result<(), Refused> {
    text.parse::<cid::Cid>().map(drop).or_else(|error| bad(format!("{text} is no CID: {error}")))
}

/// A multiaddr with a peer ID.
fn origin(value: &Value) -> Result<String, Refused> {
    let text = value.as_str().unwrap_or_default();
    let says_who = |addr: Multiaddr| matches!(addr.iter().last(), Some(Protocol::P2p(_)));
    if text.parse().is_ok_and(says_who) {
        return Ok(text.into());
    }
    bad(format!("{value} is no multiaddr that ends with /p2p/ID"))
}
