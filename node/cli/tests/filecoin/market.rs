//! A fake of Curio's market 2.0: a server that takes what the schema and Curio's sources take, and nothing else. It fetches
//! and checks data, and goes on by one state each time it is asked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bacalhau_cas::piece::Commitment;
use bacalhau_publisher::filecoin::Address;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::keys::has_signed;
use crate::proposals::{Proposal, Refusal};
use crate::serving::pull;
use bacalhau_testkit::server::{Asked, TestServer, hang_up, respond, say_nothing};

const ROOT: &str = "/market/mk20/";
/// The states after the data is there, and how a deal goes through them.
const COURSE: [&str; 4] = ["processing", "sealing", "indexing", "complete"];

/// What goes wrong with a request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// This answer, and nothing is done.
    Status(&'static str, &'static str),
    /// The connection ends, and nothing is done.
    HangUp,
    /// No answer, and nothing is done.
    Silence,
    /// It is done, and then the connection ends before the answer.
    Lost,
    /// This body, with success.
    Says(&'static str),
}

/// The market, until the test's process ends.
#[derive(Clone)]
pub(crate) struct Market {
    server: TestServer,
    state: Arc<Mutex<State>>,
}

/// What it is like.
pub(crate) struct State {
    /// Which providers it speaks for.
    pub(crate) providers: BTreeSet<String>,
    /// Bytes of their sectors.
    pub(crate) sector_bytes: u64,
    /// Allocations on the chain: provider, piece of version 1, padded size, and term.
    pub(crate) allocations: BTreeMap<u64, (String, String, u64, u64)>,
    /// Clients that are let in; all, where there is none.
    pub(crate) allowed: Option<BTreeSet<String>>,
    /// Data sources that are taken.
    pub(crate) sources: BTreeSet<&'static str>,
    /// What goes wrong, by how requests begin: `POST deal`.
    pub(crate) faults: VecDeque<(&'static str, Fault)>,
    /// Like some versions of Curio, it says of a deal that waits for data that it is complete.
    pub(crate) is_confused: bool,
    /// It does not go on by itself.
    pub(crate) is_idle: bool,
    pub(crate) deals: BTreeMap<String, Row>,
}

/// A deal that was taken.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) proposal: Proposal,
    /// The address of the client.
    client: Vec<u8>,
    pub(crate) status: &'static str,
    pub(crate) error: String,
    /// Data that came, and is not known to be all.
    pub(crate) uploaded: Option<Vec<u8>>,
    /// How often data came.
    pub(crate) uploads: usize,
    /// How often it was fetched.
    pub(crate) pulls: usize,
}

type Answer = Result<(&'static str, Vec<u8>), Refusal>;

impl Market {
    pub(crate) fn start() -> Self {
        let state = Arc::new(Mutex::new(State {
            providers: ["f01000".into()].into(),
            sector_bytes: 32 << 30,
            allocations: BTreeMap::new(),
            allowed: None,
            sources: ["http", "put"].into(),
            faults: VecDeque::new(),
            is_confused: false,
            is_idle: false,
            deals: BTreeMap::new(),
        }));
        let shared = Arc::clone(&state);
        let server = TestServer::start(move |asked, stream| serve(&shared, asked, stream));
        Self { server, state }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url("").as_str().trim_end_matches('/').into()
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Lets the next request that begins so go wrong.
    pub(crate) fn fail(&self, request: &'static str, fault: Fault) {
        self.state().faults.push_back((request, fault));
    }

    /// The only deal there is.
    pub(crate) fn only(&self) -> Row {
        let state = self.state();
        assert_eq!(state.deals.len(), 1, "{:?}", state.deals.keys());
        state.deals.values().next().unwrap().clone()
    }

    /// Requests so far that begin so.
    pub(crate) fn asked(&self, request: &str) -> usize {
        self.server.asked().iter().filter(|asked| short(asked).starts_with(request)).count()
    }
}

fn short(asked: &Asked) -> String {
    format!("{} {}", asked.method, asked.target.strip_prefix(ROOT).unwrap_or(&asked.target))
}

fn serve(state: &Mutex<State>, asked: &Asked, stream: &mut TcpStream) -> io::Result<()> {
    let fault = {
        let faults = &mut state.lock().unwrap().faults;
        let due = faults.front().is_some_and(|(request, _)| short(asked).starts_with(request));
        if due { faults.pop_front().map(|(_, fault)| fault) } else { None }
    };
    match fault {
        Some(Fault::Status(status, said)) => return respond(stream, status, &["Retry-After: 2"], said.as_bytes()),
        Some(Fault::HangUp) => return hang_up(),
        Some(Fault::Silence) => return say_nothing(stream),
        Some(Fault::Says(said)) => return respond(stream, "200 OK", &[], said.as_bytes()),
        Some(Fault::Lost) | None => {}
    }
    let answer = answer(state, asked);
    if matches!(fault, Some(Fault::Lost)) {
        return hang_up();
    }
    match answer {
        Ok((content, body)) => respond(stream, "200 OK", &[&format!("Content-Type: {content}")], &body),
        Err((code, reason)) => respond(stream, &format!("{code} Refused"), &[], reason.as_bytes()),
    }
}

fn answer(state: &Mutex<State>, asked: &Asked) -> Answer {
    let path = asked.target.strip_prefix(ROOT).ok_or((404, "404 page not found".to_owned()))?;
    let mut state = state.lock().unwrap();
    let client = authenticate(&state, asked)?;
    let content = asked.header("content-type").unwrap_or_default();
    let expect = |wanted: &str| if content == wanted { Ok(()) } else { Err((400, "invalid content type".to_owned())) };
    let parts: Vec<&str> = path.split('/').collect();
    if let [_, id, ..] = parts[..] {
        // It does not say that there is no such deal.
        let theirs = state.deals.get(id).is_some_and(|row| row.client == client);
        theirs.then_some(()).ok_or((401, "Unauthorized".to_owned()))?;
        id.parse::<bacalhau_publisher::filecoin::DealId>().map_err(|_| (400, "invalid id in url".to_owned()))?;
    }
    match (asked.method.as_str(), &parts[..]) {
        ("POST", ["deal"]) => {
            expect("application/json")?;
            propose(&mut state, client, &asked.body)
        }
        ("GET", ["status", id]) => Ok(status(&mut state, id)),
        ("PUT", ["upload", id]) => {
            expect("application/octet-stream")?;
            upload(&mut state, id, &asked.body)
        }
        ("POST", ["upload", id]) => finish(&mut state, id, &asked.body),
        _ => Err((405, String::new())),
    }
}

/// Who asks: the address in `Authorization: CurioAuth TYPE:ADDRESS:SIGNATURE`, if its signature is one of this minute, or of
/// one beside it.
fn authenticate(state: &State, asked: &Asked) -> Result<Vec<u8>, Refusal> {
    let refused = || (401, "Unauthorized".to_owned());
    let header = asked.header("authorization").ok_or((401, "Missing Authorization header".to_owned()))?;
    let parts: Vec<&str> = header.strip_prefix("CurioAuth ").ok_or_else(refused)?.splitn(3, ':').collect();
    let ["secp256k1", address, signature] = parts[..] else { return Err(refused()) };
    let address = BASE64_STANDARD.decode(address).map_err(|_| refused())?;
    let signature = BASE64_STANDARD.decode(signature).map_err(|_| refused())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 60;
    let is_signed = [now, now - 1, now + 1].into_iter().any(|minute| {
        let minute = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(minute * 60)).to_string();
        let message = [&address[..], asked.method.as_bytes(), asked.target.as_bytes(), minute.as_bytes()].concat();
        has_signed(&address, &Sha256::digest(message), &signature)
    });
    let is_allowed = state.allowed.as_ref().is_none_or(|allowed| {
        allowed.iter().any(|text| text.parse::<Address>().is_ok_and(|known| known.bytes() == address))
    });
    if is_signed && is_allowed { Ok(address) } else { Err(refused()) }
}

fn propose(state: &mut State, client: Vec<u8>, body: &[u8]) -> Answer {
    let proposal = Proposal::read(body)?;
    if proposal.client.parse::<Address>().map_err(|why| (400, why.to_string()))?.bytes() != client {
        return Err((400, "Reason: client in deal does not match client in auth header".into()));
    }
    proposal.check(state)?;
    if state.deals.contains_key(&proposal.identifier) {
        // The table has it already.
        return Err((500, "Reason: ".into()));
    }
    let status = if proposal.url.is_some() { "accepted" } else { "uploading" };
    let id = proposal.identifier.clone();
    let (error, uploaded, uploads, pulls) = (String::new(), None, 0, 0);
    state.deals.insert(id, Row { proposal, client, status, error, uploaded, uploads, pulls });
    Ok(("text/plain", b"Reason: ".to_vec()))
}

fn status(state: &mut State, id: &str) -> (&'static str, Vec<u8>) {
    let (is_confused, is_idle) = (state.is_confused, state.is_idle);
    let row = state.deals.get_mut(id).unwrap();
    let said = if is_confused && row.status == "uploading" { "complete" } else { row.status };
    let answer = json!({ "ddo_v1": { "status": said, "errorMsg": row.error } });
    if !is_idle {
        row.go_on();
    }
    ("application/json", answer.to_string().into_bytes())
}

impl Row {
    /// One state further.
    fn go_on(&mut self) {
        let place = COURSE.iter().position(|state| *state == self.status);
        match (self.status, place, &self.proposal.url) {
            ("accepted", _, Some(url)) => {
                self.pulls += 1;
                let checked = pull(url).and_then(|bytes| self.proposal.check_data(&bytes));
                match checked {
                    Ok(()) => self.status = COURSE[0],
                    Err(why) => (self.status, self.error) = ("failed", why),
                }
            }
            (_, Some(place), _) if place + 1 < COURSE.len() => self.status = COURSE[place + 1],
            _ => {}
        }
    }
}

fn upload(state: &mut State, id: &str, body: &[u8]) -> Answer {
    let row = state.deals.get_mut(id).unwrap();
    if row.status != "uploading" || row.uploaded.is_some() {
        return Err((404, "deal not found".into()));
    }
    row.uploads += 1;
    row.proposal.check_data(body).map_err(|why| (400, why))?;
    row.uploaded = Some(body.to_vec());
    Ok(("text/plain", Vec::new()))
}

fn finish(state: &mut State, id: &str, body: &[u8]) -> Answer {
    let row = state.deals.get_mut(id).unwrap();
    if row.status != "uploading" || row.uploaded.is_none() {
        return Err((404, "deal not found".into()));
    }
    assert!(body.is_empty(), "what is known of the deal is not sent again");
    row.status = COURSE[0];
    Ok(("text/plain", Vec::new()))
}

/// Whether `bytes` are the piece with this CID of version 2.
pub(crate) fn check_piece(v2: &str, bytes: &[u8]) -> Result<(), String> {
    let expected = Commitment::from_v2(&v2.parse().unwrap()).unwrap();
    let found = Commitment::of("what came", bytes).map_err(|error| error.to_string())?;
    if found.payload_size() != expected.payload_size() {
        return Err("piece raw size does not match".into());
    }
    if found == expected { Ok(()) } else { Err("piece CID does not match".into()) }
}
