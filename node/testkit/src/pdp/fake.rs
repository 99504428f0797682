//! The server of the fake, and what goes wrong with it.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard};

use super::requests::{self, Answer};
use super::signed::Contract;
use super::{Chain, Transaction};
use crate::server::{Asked, TestServer, hang_up, respond, say_nothing};

const ROOT: &str = "/pdp/";

/// What goes wrong with a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This answer, and nothing is done.
    Status(&'static str, &'static str),
    /// The connection ends, and nothing is done.
    HangUp,
    /// No answer, and nothing is done.
    Silence,
    /// It is done, and then the connection ends before the answer.
    Lost,
    /// This body, with success, and nothing is done.
    Says(&'static str),
    /// A bit of the body changes on the way.
    Damage,
}

/// The node, until the test's process ends.
#[derive(Clone, Debug)]
pub struct FakePdp {
    server: TestServer,
    state: Arc<Mutex<State>>,
}

/// What it is like.
#[derive(Debug)]
pub struct State {
    /// The token that it wants, if any.
    pub token: Option<&'static str>,
    /// It checks before uploads who pays (`PDPUploadRequireAuth`).
    pub checks_payers: bool,
    /// The id of its data set.
    pub data_set: u64,
    /// The id that the payer gave it.
    pub client_data_set: u64,
    /// The address of the payer.
    pub payer: [u8; 20],
    /// The data set has ended.
    pub has_ended: bool,
    /// Its contract.
    pub(super) contract: Contract,
    /// Its data set on the chain.
    pub chain: Chain,
    /// What goes wrong, by how requests begin: `POST piece/uploads`.
    faults: VecDeque<(&'static str, Fault)>,
    /// Sessions, with the data that came.
    pub(super) sessions: BTreeMap<String, Option<Vec<u8>>>,
    /// How many sessions there were.
    pub sessions_begun: usize,
    /// Pieces by CIDs of version 2, with how often they were asked for: they are listed from the second time on.
    pub(super) parked: BTreeMap<String, usize>,
    /// How often the data set was asked for since it has a piece: a proof is scheduled from the second time on.
    pub(super) looks: u64,
}

impl FakePdp {
    /// A node with the data set 42, which `payer` calls 7, for the contract on `chain_id`.
    pub fn start(payer: [u8; 20], chain_id: u64, contract: [u8; 20]) -> Self {
        let state = Arc::new(Mutex::new(State {
            token: None,
            checks_payers: false,
            data_set: 42,
            client_data_set: 7,
            payer,
            has_ended: false,
            contract: Contract { chain_id, address: contract },
            chain: Chain::default(),
            faults: VecDeque::new(),
            sessions: BTreeMap::new(),
            sessions_begun: 0,
            parked: BTreeMap::new(),
            looks: 0,
        }));
        let shared = Arc::clone(&state);
        Self { server: TestServer::start(move |asked, stream| serve(&shared, asked, stream)), state }
    }

    /// Its URL, without `/pdp`.
    pub fn url(&self) -> String {
        self.server.url("").as_str().trim_end_matches('/').into()
    }

    /// What it is like.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Lets the next request that begins so go wrong.
    pub fn fail(&self, request: &'static str, fault: Fault) {
        self.state().faults.push_back((request, fault));
    }

    /// Transactions that were sent.
    pub fn transactions(&self) -> Vec<Transaction> {
        self.state().chain.transactions.clone()
    }

    /// How many requests so far begin so.
    pub fn asked(&self, request: &str) -> usize {
        self.server.asked().iter().filter(|asked| short(asked).starts_with(request)).count()
    }
}

fn short(asked: &Asked) -> String {
    format!("{} {}", asked.method, asked.target.strip_prefix(ROOT).unwrap_or(&asked.target))
}

fn serve(state: &Mutex<State>, asked: &Asked, stream: &mut TcpStream) -> io::Result<()> {
    let mut state = state.lock().unwrap();
    let due = state.faults.front().is_some_and(|(request, _)| short(asked).starts_with(request));
    let fault = if due { state.faults.pop_front().map(|(_, fault)| fault) } else { None };
    let mut asked = asked.clone();
    match fault {
        Some(Fault::Status(status, said)) => return respond(stream, status, &["Retry-After: 2"], said.as_bytes()),
        Some(Fault::HangUp) => return hang_up(),
        Some(Fault::Silence) => {
            drop(state);
            return say_nothing(stream);
        }
        Some(Fault::Says(said)) => return respond(stream, "200 OK", &[], said.as_bytes()),
        Some(Fault::Damage) => asked.body[20] ^= 1,
        Some(Fault::Lost) | None => {}
    }
    let target = asked.target.strip_prefix(ROOT).unwrap_or_default().to_owned();
    let answer = requests::answer(&mut state, &asked, &target);
    drop(state);
    if matches!(fault, Some(Fault::Lost)) {
        return hang_up();
    }
    let Answer { status, location, body } = answer;
    let location = location.map(|location| format!("Location: {ROOT}{location}"));
    let headers: Vec<&str> = location.as_deref().into_iter().collect();
    respond(stream, status, &headers, body.as_bytes())
}
