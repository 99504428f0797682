//! All of it as people use it: `bacalhau serve` as a process, a job of a client, a Lotus and a market that are fakes; killed in
//! the middle, twice, and started again.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::keys::Key;
use crate::market::Market;
use bacalhau_testkit::{
    Lab, Node,
    lotus::fake::{FakeLotus, SIGN_TOKEN},
    until,
};

/// When the main network began, in Unix seconds.
const GENESIS: u64 = 1_598_306_400;

/// The world outside: a chain on which time passes, and a provider that looks at it.
struct World {
    lotus: Arc<FakeLotus>,
    market: Market,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl World {
    fn begin(key: &Arc<Key>) -> Self {
        let (lotus, market) = (Arc::new(FakeLotus::start()), Market::start());
        {
            let mut chain = lotus.chain();
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            chain.epoch = i64::try_from((now - GENESIS) / 30).unwrap();
            chain.wallet = key.address.to_string();
            let key = Arc::clone(key);
            chain.key = Some(Box::new(move |message| key.signature(message)));
        }
        let stop = Arc::new(AtomicBool::new(false));
        let (its_lotus, its_market, stopped) = (Arc::clone(&lotus), market.clone(), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                pass(&its_lotus, &its_market);
                thread::sleep(Duration::from_millis(20));
            }
        });
        Self { lotus, market, stop, thread: Some(thread) }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().unwrap().join();
    }
}

/// Epochs pass; the market hears of allocations; what is sealed is claimed.
fn pass(lotus: &FakeLotus, market: &Market) {
    let mut chain = lotus.chain();
    chain.pass(1);
    let mut state = market.state();
    for (id, allocation) in &chain.allocations {
        let term = u64::try_from(allocation.term_max).unwrap();
        let known = (format!("f0{}", allocation.provider), allocation.data.to_string(), allocation.size, term);
        state.allocations.insert(*id, known);
    }
    for row in state.deals.values().filter(|row| row.status == "complete") {
        let open = row.proposal.allocation.filter(|id| chain.allocations.contains_key(id));
        if let Some(id) = open {
            chain.claim(id, 42);
        }
    }
}

/// The states that `describe` shows, with their words.
fn steps(lab: &Lab, node: &Node, job: &str) -> Vec<(String, String)> {
    let shown = lab.expect_json(0, &format!("describe {job} --output json --api-host {}", node.api));
    let publication = find(&shown, "publications").unwrap_or(&Value::Null)[0].clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let steps = publication["steps"].as_array().cloned().unwrap_or_default();
    steps.iter().map(|step| (text(&step["state"]), text(&step["text"]))).collect()
}

/// The first value of this name, wherever it stands, that is not empty.
fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(object) => {
            let here = object.get(name).filter(|value| value.as_array().is_some_and(|list| !list.is_empty()));
            here.or_else(|| object.values().find_map(|value| find(value, name)))
        }
        Value::Array(list) => list.iter().find_map(|value| find(value, name)),
        _ => None,
    }
}

fn states(lab: &Lab, node: &Node, job: &str) -> Vec<String> {
    steps(lab, node, job).into_iter().map(|(state, _)| state).collect()
}

#[test]
fn a_node_that_is_killed_twice_brings_its_results_into_a_sector() {
    let key = Arc::new(Key::of("alice"));
    let world = World::begin(&key);
    let lab = Lab::new();
    lab.write("token", SIGN_TOKEN);
    let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let flags = format!(
        "--job-selection-data-locality anywhere --filecoin-market {} --filecoin-lotus {} --filecoin-lotus-token-file {} \
         --filecoin-provider f01000 --filecoin-wallet {} --filecoin-poll 50ms --filecoin-serve-listen {listen} \
         --filecoin-serve-url http://{listen}",
        world.market.url(),
        world.lotus.url(),
        lab.path("token").display(),
        key.address,
    );
    // No message gets onto the chain, and the market does nothing.
    world.lotus.chain().full = true;
    world.market.state().is_idle = true;
    let mut node = lab.serve("node", &flags);
    let run =
        format!("wasm run hello.wat -c 1 --publisher filecoin --filplus --output-dir out --api-host {}", node.api);
    lab.expect(0, &run);
    let listed = lab.expect_json(0, &format!("list --output json --api-host {}", node.api));
    let job =
        listed.as_array().and_then(|jobs| jobs[0]["id"].as_str()).unwrap_or_else(|| panic!("{listed}")).to_owned();

    until("the message is sent", || states(&lab, &node, &job).iter().any(|state| state == "allocating"));
    node.kill();
    node.again(&lab);
    world.lotus.chain().full = false;

    until("the market takes it", || states(&lab, &node, &job).iter().any(|state| state == "accepted"));
    node.kill();
    node.again(&lab);
    world.market.state().is_idle = false;

    until("it is stored", || states(&lab, &node, &job).iter().any(|state| state == "stored"));
    let steps = steps(&lab, &node, &job);
    let of =
        |wanted: &str| steps.iter().find(|(state, _)| state == wanted).unwrap_or_else(|| panic!("{wanted}: {steps:?}"));
    for state in ["prepared", "served", "checked", "allocating", "allocated", "accepted", "sealing", "stored"] {
        assert!(!of(state).1.is_empty());
    }
    assert!(of("stored").1.contains("sector 42"), "{steps:?}");
    let row = world.market.only();
    assert_eq!((row.pulls, row.uploads), (1, 0));
    assert!(row.proposal.allocation.is_some());
    assert_eq!(world.lotus.chain().messages.len(), 1, "DataCap was spent once");
    assert!(lab.path("node/deals/piece").read_dir().unwrap().next().is_none(), "the archive is removed");
    let shown = lab.expect(0, &format!("describe {job} --api-host {}", node.api)).stdout;
    for words in ["filecoin", "prepared", "allocation 70", "f01000 has accepted the proposal", "sector 42"] {
        assert!(shown.contains(words), "{words}:\n{shown}");
    }
    assert!(!node.log().contains(SIGN_TOKEN) && !shown.contains(SIGN_TOKEN));
    // What a reader of the manual would see.
    println!("{shown}");
}

#[test]
fn a_command_that_is_told_too_little_says_what_is_missing() {
    let lab = Lab::new();
    let run = "wasm run hello.wat -c 1 --publisher filecoin --output-dir out";
    let end = lab.expect(2, run);
    assert!(end.stderr.contains("--filecoin-market"), "{}", end.stderr);
    let end = lab.expect(2, &format!("{run} --filecoin-market https://market.example"));
    assert!(end.stderr.contains("set filecoin.lotus"), "{}", end.stderr);
}

#[test]
fn a_run_without_a_server_hands_over_its_results_and_a_later_command_sees_them_sealed() {
    let key = Arc::new(Key::of("alice"));
    let world = World::begin(&key);
    let lab = Lab::new();
    lab.write("token", SIGN_TOKEN);
    let flags = format!(
        "--filecoin-market {} --filecoin-lotus {} --filecoin-lotus-token-file {} --filecoin-provider f01000 \
         --filecoin-wallet {} --filecoin-poll 50ms",
        world.market.url(),
        world.lotus.url(),
        lab.path("token").display(),
        key.address,
    );
    // The provider has the data, and looks for a sector.
    world.market.state().is_idle = true;
    lab.expect(0, &format!("wasm run hello.wat -c 1 --publisher filecoin --output-dir out {flags}"));
    let row = world.market.only();
    assert_eq!((row.uploads, row.status, row.proposal.allocation), (1, "processing", None));
    let [shown] = &publications(&lab.expect_json(0, "publications --output json"))[..] else { panic!("there is one") };
    assert_eq!((shown["ended"].as_bool(), shown["needs_node"].as_bool()), (Some(false), Some(false)), "{shown}");
    world.market.state().is_idle = false;
    lab.expect(0, &format!("publications --wait {flags}"));
    let [shown] = &publications(&lab.expect_json(0, "publications --output json"))[..] else { panic!("there is one") };
    assert_eq!((shown["state"].as_str(), shown["ended"].as_bool()), (Some("stored"), Some(true)), "{shown}");
    assert_eq!(world.market.only().uploads, 1);
    assert!(world.lotus.chain().messages.is_empty(), "no message is sent for a deal that is not verified");
    assert!(lab.path("client/deals/piece").read_dir().unwrap().next().is_none());
}

fn publications(shown: &Value) -> Vec<Value> {
    shown.as_array().unwrap_or_else(|| panic!("{shown}")).clone()
}
