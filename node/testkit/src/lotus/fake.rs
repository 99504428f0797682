//! A fake Lotus node: it accepts the requests that Lotus accepts and rejects those that it rejects, and does to its clients
//! what networks do. What it knows is in `chain`, which methods it has in `methods`.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use url::Url;

use super::chain::Chain;
use super::methods;
use super::server::{Answer, Asked, serve};

/// A token with all permissions that `lotus auth create-token --perm sign` gives.
pub const SIGN_TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.sign.s3cr3t";
/// A token that may only read.
pub const READ_TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.read.s3cr3t";

/// A fault of one request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It has done nothing and sends nothing.
    Silence,
    /// It sends a part of the answer byte for byte, and never ends it.
    Trickle,
    /// It hangs up.
    HangUp,
    /// It answers 503 with `Retry-After`.
    Busy,
    /// A proxy in front of it answers 502.
    Overloaded,
    /// The answer is a web page of another server.
    Page,
    /// The answer ends in the middle of its JSON.
    NoJson,
    /// It refuses with this message.
    Refusal(&'static str),
    /// It has done it, and the answer is lost.
    LostAnswer,
    /// The answer has the id of another request.
    OtherId,
    /// The result is of another type.
    NoResult,
}

#[derive(Default)]
struct Wires {
    faults: VecDeque<Option<Fault>>,
    methods: Vec<String>,
}

/// The node.
pub struct FakeLotus {
    address: SocketAddr,
    chain: Arc<Mutex<Chain>>,
    wires: Arc<Mutex<Wires>>,
}

impl FakeLotus {
    /// Starts it with a new chain.
    pub fn start() -> Self {
        let chain = Arc::new(Mutex::new(Chain::new()));
        let wires = Arc::new(Mutex::new(Wires::default()));
        let (its_chain, its_wires) = (Arc::clone(&chain), Arc::clone(&wires));
        let address = serve(move |asked| {
            let fault = its_wires.lock().unwrap().faults.pop_front().flatten();
            answer(asked, fault, &its_chain, &its_wires)
        });
        Self { address, chain, wires }
    }

    /// The URL of its API.
    pub fn url(&self) -> Url {
        Url::parse(&format!("http://{}/rpc/v1", self.address)).unwrap()
    }

    /// The chain, to look at and to change.
    pub fn chain(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock().unwrap()
    }

    /// The faults of the next requests, in order.
    pub fn fail(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.wires.lock().unwrap().faults = faults.into_iter().collect();
    }

    /// Which methods were called so far.
    pub fn called(&self) -> Vec<String> {
        self.wires.lock().unwrap().methods.clone()
    }
}

fn answer(asked: &Asked, fault: Option<Fault>, chain: &Mutex<Chain>, wires: &Mutex<Wires>) -> Answer {
    let page = |status, text: &str| Answer::Whole(status, None, text.into());
    let lost = match fault {
        Some(Fault::Silence) => return Answer::Silence,
        Some(Fault::Trickle) => return Answer::Trickle,
        Some(Fault::HangUp) => return Answer::HangUp,
        Some(Fault::Busy) => return Answer::Whole(503, Some("Retry-After: 77".into()), Vec::new()),
        Some(Fault::Overloaded) => return page(502, "<html>bad gateway"),
        Some(Fault::Page) => return page(200, "<html>please log in"),
        Some(Fault::NoJson) => return page(200, "{\"jsonrpc\":\"2.0\",\"result\":"),
        Some(Fault::Refusal(said)) => {
            let error = json!({"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": said}});
            return page(200, &error.to_string());
        }
        lost => lost,
    };
    if asked.line != "POST /rpc/v1" {
        return page(404, "404 page not found");
    }
    assert_eq!(asked.header("content-type"), Some("application/json"));
    // As `auth.Handler` of go-jsonrpc: a request without a token may read.
    let perms: &[&str] = match asked.header("authorization").map(|value| value.strip_prefix("Bearer ")) {
        None | Some(Some(READ_TOKEN)) => &["read"],
        Some(Some(SIGN_TOKEN)) => &["read", "write", "sign"],
        Some(_) => return Answer::Whole(401, None, Vec::new()),
    };
    let request: Value = serde_json::from_slice(&asked.body).expect("a request is JSON");
    let keys: Vec<_> = request.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["id", "jsonrpc", "method", "params"]);
    assert!(request["jsonrpc"] == "2.0" && request["id"].is_u64(), "{request}");
    let (method, params) = (request["method"].as_str().unwrap(), request["params"].as_array().unwrap());
    wires.lock().unwrap().methods.push(method.to_owned());
    let outcome = methods::call(&mut chain.lock().unwrap(), method, params, perms);
    let id = if matches!(lost, Some(Fault::OtherId)) { json!(999_999) } else { request["id"].clone() };
    let (status, body) = match outcome {
        _ if matches!(lost, Some(Fault::LostAnswer)) => return Answer::HangUp,
        _ if matches!(lost, Some(Fault::NoResult)) => (200, json!({"jsonrpc": "2.0", "id": id, "result": 7.5})),
        Ok(result) => (200, json!({"jsonrpc": "2.0", "id": id, "result": result})),
        // An error of the request itself has a status as well.
        Err((code, message)) => {
            let error = json!({"code": code, "message": message});
            (if code < 0 { 500 } else { 200 }, json!({"jsonrpc": "2.0", "id": id, "error": error}))
        }
    };
    Answer::Whole(status, None, body.to_string().into_bytes())
}
