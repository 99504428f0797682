//! Pins at a fake service of this process, which is written after the schema, with a real node of ours as its delegate.

use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{fs, thread};

use bacalhau_job::{AnnouncedJob, ExecutionId};
use bacalhau_p2p::Dialer;
use bacalhau_service::node::Node;
use bacalhau_testkit::{
    jobs::job,
    pinning::delegate::{Delegate, config},
    pinning::service::{Fault, Service, State, TOKEN},
};
use bacalhau_tree::dirhash;
use libp2p_identity::PeerId;
use url::Url;

use super::*;
use crate::{Driver, Next, PublicationTask as _, PublishPlaces};

/// The longest wait for what is to happen.
const SOON: Duration = Duration::from_secs(30);
/// The longest silence of a service, in tests.
const PATIENCE: Duration = Duration::from_secs(2);
/// Nobody is there.
const NOWHERE: &str = "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWEbfdqHZoAXdVQRtwYqN4zjWL9oKz5vV5cBeLrNbeCXW4";

/// Our node with results to publish, and a service.
struct Stage {
    dir: tempfile::TempDir,
    node: Node,
    delegate: Arc<Delegate>,
    service: Service,
    job: AnnouncedJob,
    h1: String,
    ledger: Ledger,
}

impl Stage {
    /// One whose service can reach our node, and says that its own is somewhere else.
    fn reachable() -> Self {
        Self::new(&["/ip4/127.0.0.1/tcp/0"], |_| vec![NOWHERE.into()])
    }

    /// One whose service has to be connected to.
    fn hidden() -> Self {
        Self::new(&[], Delegate::addrs)
    }

    fn new(listen: &[&str], delegates: impl FnOnce(&Delegate) -> Vec<String>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let results = dir.path().join("results");
        fs::create_dir_all(results.join("outputs")).unwrap();
        fs::write(results.join("stdout"), "hello\n").unwrap();
        let big: Vec<u8> = (0..400_000_u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        fs::write(results.join("outputs/big"), big).unwrap();
        let h1 = dirhash::hash_dir(&results, "results").unwrap().h1;
        let listen: Vec<_> = listen.iter().map(|addr| addr.parse().unwrap()).collect();
        let config = config(&dir.path().join("node"));
        let node = if listen.is_empty() { Node::start(config) } else { Node::serve(config, &listen) };
        let delegate = Delegate::start();
        let service = Service::start(&delegate, delegates(&delegate));
        let ledger = Ledger::open(dir.path().join("publications")).unwrap();
        let job = job(PeerId::random(), "pin");
        Self { node: node.unwrap(), delegate, service, job, h1, ledger, dir }
    }

    fn results(&self) -> PathBuf {
        self.dir.path().join("results")
    }

    fn places(&self, token: &str, add_car: bool) -> PublishPlaces {
        let endpoint: Url = self.service.endpoint().parse().unwrap();
        let add_car = add_car.then(|| PinningService::below(&endpoint, "content/add-car"));
        PublishPlaces {
            peers: self.node.listen_addrs().iter().map(ToString::to_string).collect(),
            ledger: Some(self.ledger.clone()),
            pinning: Some(PinningService::with_patience(endpoint, token.parse().unwrap(), add_car, PATIENCE)),
            ..PublishPlaces::default()
        }
    }

    fn publish(&self) -> Publication {
        let places = self.places(TOKEN, false);
        let publishers = places.publishers(Some((Arc::clone(self.node.store()), Vec::new())));
        let publisher = &publishers[&bacalhau_job::PublisherKind::Estuary];
        let results = self.results();
        let execution = self.execution();
        publisher.publish(&Finished { execution, job: &self.job, dir: &results, h1: &self.h1 }).unwrap()
    }

    fn execution(&self) -> ExecutionId {
        self.job.id.execution(0, 2)
    }

    fn begin(&self) -> Entry {
        self.publish();
        self.ledger.of(self.execution()).remove(0)
    }

    fn task(&self) -> PinTask {
        self.task_with(&self.places(TOKEN, false))
    }

    fn task_with(&self, places: &PublishPlaces) -> PinTask {
        let dial: Dialer = self.node.host().unwrap().dialer();
        PinTask::new(places.pinning.clone().unwrap(), Arc::clone(self.node.store()), &places.peers, Some(dial))
    }

    /// Has `task` go on until it ends, as if time went by, and sees to it that nothing is said to be pinned which is not.
    fn to_the_end(&self, task: &PinTask, entry: &mut Entry) {
        let began = Instant::now();
        let mut now = now_ms();
        loop {
            assert!(began.elapsed() < SOON, "{:?}", texts(entry));
            match task.advance(entry, now).unwrap() {
                Next::Ended => break,
                Next::In(wait) => now += u64::try_from(wait.as_millis()).unwrap(),
            }
            thread::yield_now();
        }
        if entry.state() == "pinned" {
            let cid = entry.publication.cid.unwrap();
            assert!(self.delegate.has(cid.cid()), "pinned means that every block is there");
        }
    }
}

fn texts(entry: &Entry) -> Vec<String> {
    entry.publication.steps.iter().map(|step| format!("{} {}", step.state, step.text)).collect()
}

fn states(entry: &Entry) -> Vec<&str> {
    entry.publication.steps.iter().map(|step| step.state.as_str()).collect()
}

#[test]
fn results_are_pinned_by_a_service_that_fetches_them_from_us() {
    let stage = Stage::reachable();
    let begun = stage.publish();
    assert_eq!(stage.publish(), begun, "who publishes twice has begun once");
    assert_eq!((begun.publisher.as_str(), begun.steps[0].state.as_str()), ("estuary", "begun"));
    let places = stage.places(TOKEN, false);
    let driver = Driver::start(stage.ledger.clone(), places.tasks(Some(stage.node.store()), None)).unwrap();
    let began = Instant::now();
    loop {
        let seen = stage.ledger.changes();
        let entry = stage.ledger.of(stage.execution()).remove(0);
        if entry.ended {
            assert_eq!(states(&entry), ["begun", "queued", "pinning", "pinned"], "{:?}", texts(&entry));
            assert!(texts(&entry)[3].contains("request request/0001 at 127.0.0.1") && !entry.has_failed());
            assert!(stage.delegate.has(entry.publication.cid.unwrap().cid()));
            break;
        }
        assert!(entry.needs_node && began.elapsed() < SOON, "{:?}", texts(&entry));
        stage.ledger.wait(seen, SOON);
    }
    drop(driver);
    let (name, origins, meta) = stage.service.only_pin();
    assert_eq!(name, format!("bacalhau-{}-0-2", stage.job.id));
    assert_eq!(origins, places.peers, "the service is on this machine, so it is told of its addresses");
    assert_eq!((meta["app"].as_str(), meta["h1"].as_str()), (Some("bacalhau"), Some(&*stage.h1)));
    assert_eq!(stage.service.asked("POST", "/psa/pins"), 1);
    stage.service.assert_strict();
}

#[test]
fn a_service_that_cannot_reach_us_is_connected_to() {
    let stage = Stage::hidden();
    let mut entry = stage.begin();
    stage.to_the_end(&stage.task(), &mut entry);
    assert_eq!(entry.state(), "pinned", "{:?}", texts(&entry));
    assert!(stage.service.only_pin().1.is_empty(), "there is no address to tell");
    stage.service.assert_strict();
}

#[test]
fn nothing_is_pinned_before_all_of_it_is_there() {
    let stage = Stage::new(&[], |_| vec![NOWHERE.into()]);
    let (task, mut entry) = (stage.task(), stage.begin());
    for _ in 0..10 {
        assert!(matches!(task.advance(&mut entry, now_ms()), Ok(Next::In(_))), "nobody can have fetched it");
    }
    assert_eq!(states(&entry), ["begun", "queued", "pinning"]);
    stage.node.host().unwrap().connect(&stage.delegate.addrs()[0].parse().unwrap()).unwrap();
    stage.to_the_end(&task, &mut entry);
    assert_eq!(entry.state(), "pinned");
    stage.service.assert_strict();
}

#[test]
fn an_answer_that_is_lost_and_a_restart_make_no_second_pin() {
    let stage = Stage::reachable();
    let mut entry = stage.begin();
    stage.service.change(|service| service.hold(true));
    // What is looked for is not there, and the answer to what is then asked for never comes.
    stage.service.fault(&[Fault::Slow, Fault::LoseAnswer]);
    let why = stage.task().advance(&mut entry, now_ms()).unwrap_err().to_string();
    assert!(!why.is_empty() && stage.service.pins().len() == 1, "{why}");
    // A new process knows no more than what is on disk.
    let stored = serde_json::to_value(&entry).unwrap();
    assert!(stored["matter"]["estuary"].is_object(), "entries of earlier versions have this key: {stored}");
    let mut entry: Entry = serde_json::from_value(stored).unwrap();
    assert!(matches!(stage.task().advance(&mut entry, now_ms()), Ok(Next::In(_))));
    assert_eq!(states(&entry), ["begun", "queued"]);
    let mut entry: Entry = serde_json::from_value(serde_json::to_value(&entry).unwrap()).unwrap();
    stage.service.change(|service| service.hold(false));
    stage.to_the_end(&stage.task(), &mut entry);
    assert_eq!((entry.state(), stage.service.asked("POST", "/psa/pins")), ("pinned", 1));
    // And who is asked after its end, because the last write was lost, says the same.
    stage.to_the_end(&stage.task(), &mut entry);
    assert_eq!((states(&entry).len(), stage.service.pins().len()), (4, 1));
    stage.service.assert_strict();
}

#[test]
fn pins_of_others_are_not_taken_for_ours() {
    let stage = Stage::reachable();
    let mut other = stage.begin();
    other.execution.number = 7;
    stage.service.change(|service| service.hold(true));
    stage.task().advance(&mut other, now_ms()).unwrap();
    let mut ours = stage.begin();
    stage.task().advance(&mut ours, now_ms()).unwrap();
    let requests: Vec<String> = stage.service.pins().into_iter().map(|(id, _)| id).collect();
    assert_eq!(requests.len(), 2, "the same content under another name is another pin");
    assert!(texts(&ours)[1].contains(&requests[1]), "{:?}", texts(&ours));
    stage.service.assert_strict();
}

#[test]
fn what_a_service_refuses_ends_it_and_says_what_to_set() {
    let refusal = "{\"error\": {\"reason\": \"INSUFFICIENT_FUNDS\", \"details\": \"pay first\"}}";
    let table = [
        (Fault::Status("401 Unauthorized", "", ""), "set BACALHAU_ESTUARY_TOKEN or estuary.token_file"),
        (Fault::Status("403 Forbidden", "", ""), "set BACALHAU_ESTUARY_TOKEN or estuary.token_file"),
        (Fault::Status("404 Not Found", "", "<html>nothing</html>"), "no pinning service at http://127.0.0.1:"),
        (Fault::Status("409 Conflict", "", refusal), "INSUFFICIENT_FUNDS: pay first"),
        (Fault::Status("400 Bad Request", "", "no\x1b[31m"), "the service refused it (400 Bad Request, no"),
        (Fault::Status("418 I'm a teapot", "", ""), "the service refused it (418"),
    ];
    let stage = Stage::reachable();
    for (fault, words) in table {
        let mut entry = stage.begin();
        stage.service.fault(std::slice::from_ref(&fault));
        assert_eq!(stage.task().advance(&mut entry, now_ms()), Ok(Next::Ended), "{fault:?}");
        entry.ended = true;
        assert!(entry.has_failed() && texts(&entry)[1].contains(words), "{fault:?}: {:?}", texts(&entry));
        assert!(!texts(&entry)[1].contains('\x1b'));
    }
    assert_eq!(stage.service.asked("POST", "/psa/pins"), 0);
    let mut entry = stage.begin();
    let other_token = stage.task_with(&stage.places("an0ther", false));
    assert_eq!(other_token.advance(&mut entry, now_ms()), Ok(Next::Ended));
    assert!(texts(&entry)[1].contains("UNAUTHORIZED: Access token is missing or invalid"), "{:?}", texts(&entry));
    stage.service.assert_strict();
}

#[test]
fn what_passes_is_waited_for() {
    let stage = Stage::reachable();
    let mut entry = stage.begin();
    let busy = Fault::Status("429 Too Many Requests", "Retry-After: 7", "");
    stage.service.fault(&[busy]);
    assert_eq!(stage.task().advance(&mut entry, now_ms()), Ok(Next::In(Duration::from_secs(7))));
    assert!(texts(&entry)[1].contains("waiting the service answered 429"), "{:?}", texts(&entry));
    let table = [
        (
            Fault::Status("500 Internal Server Error", "", "{\"error\": {\"reason\": \"OOPS\"}}"),
            "500 Internal Server Error, OOPS",
        ),
        (Fault::Status("503 Service Unavailable", "", ""), "503"),
        (Fault::Status("200 OK", "", "<html>welcome</html>"), "not that of a pinning service"),
        (Fault::Status("200 OK", "", "{\"results\": [{}]}"), "not that of a pinning service"),
        (Fault::Silence, "silent for 2 s"),
    ];
    for (fault, words) in table {
        stage.service.fault(std::slice::from_ref(&fault));
        let why = stage.task().advance(&mut entry, now_ms()).unwrap_err().to_string();
        assert!(why.contains(words), "{fault:?}: {why}");
    }
    // It has pinned nothing so far, and does so when it is well again.
    assert_eq!(stage.service.pins(), []);
    stage.to_the_end(&stage.task(), &mut entry);
    assert_eq!((entry.state(), stage.service.asked("POST", "/psa/pins")), ("pinned", 1));
    stage.service.assert_strict();
}

#[test]
fn a_pin_that_fails_has_failed_with_what_the_service_says() {
    let stage = Stage::reachable();
    stage.service.change(|service| service.hold(true));
    let (task, mut entry) = (stage.task(), stage.begin());
    task.advance(&mut entry, now_ms()).unwrap();
    stage.service.change(|service| service.fail("the DAG is too big"));
    assert_eq!(task.advance(&mut entry, now_ms()), Ok(Next::Ended));
    entry.ended = true;
    assert!(entry.has_failed() && texts(&entry)[2].ends_with(": the DAG is too big"), "{:?}", texts(&entry));
    // One that began and stays in the queue for ever is given up at last.
    let (task, mut entry) = (stage.task(), stage.begin());
    entry.execution.number = 3;
    task.advance(&mut entry, now_ms()).unwrap();
    let month = u64::try_from(Duration::from_hours(31 * 24).as_millis()).unwrap();
    assert_eq!(task.advance(&mut entry, now_ms() + month), Ok(Next::Ended));
    assert!(texts(&entry)[2].contains("not pinned within 30 days"), "{:?}", texts(&entry));
    stage.service.assert_strict();
}

#[test]
fn a_service_that_forgets_is_asked_anew_and_not_for_ever() {
    let stage = Stage::reachable();
    stage.service.change(|service| service.hold(true));
    let (task, mut entry) = (stage.task(), stage.begin());
    for _ in 0..3 {
        task.advance(&mut entry, now_ms()).unwrap();
        stage.service.change(State::forget);
        assert!(matches!(task.advance(&mut entry, now_ms()), Ok(Next::In(_))), "{:?}", texts(&entry));
    }
    task.advance(&mut entry, now_ms()).unwrap();
    stage.service.change(State::forget);
    assert_eq!(task.advance(&mut entry, now_ms()), Ok(Next::Ended));
    assert!(texts(&entry).last().unwrap().contains("has lost the request repeatedly"), "{:?}", texts(&entry));
    assert_eq!(stage.service.asked("POST", "/psa/pins"), 4);
    stage.service.assert_strict();
}

#[test]
fn an_archive_is_uploaded_where_the_service_takes_it() {
    let stage = Stage::new(&[], |_| vec![NOWHERE.into()]);
    stage.service.change(State::take_archives);
    let places = stage.places(TOKEN, true);
    let (task, mut entry) = (stage.task_with(&places), stage.begin());
    // It breaks off: what was taken of it is taken again.
    stage.service.fault(&[Fault::Slow, Fault::LoseAnswer]);
    task.advance(&mut entry, now_ms()).unwrap_err().to_string();
    stage.to_the_end(&task, &mut entry);
    assert_eq!(states(&entry), ["begun", "uploaded", "queued", "pinning", "pinned"], "{:?}", texts(&entry));
    assert_eq!(stage.service.asked("POST", "/psa/content/add-car"), 2);
    stage.service.assert_strict();
}

#[test]
fn where_no_archive_is_taken_the_service_fetches() {
    let stage = Stage::hidden();
    let places = stage.places(TOKEN, true);
    let (task, mut entry) = (stage.task_with(&places), stage.begin());
    stage.to_the_end(&task, &mut entry);
    assert_eq!(states(&entry), ["begun", "not uploaded", "queued", "pinning", "pinned"], "{:?}", texts(&entry));
    stage.service.assert_strict();
}

#[test]
fn results_that_have_changed_are_not_pinned() {
    let stage = Stage::reachable();
    fs::write(stage.results().join("stdout"), "hellO\n").unwrap();
    let places = stage.places(TOKEN, false);
    let publishers = places.publishers(Some((Arc::clone(stage.node.store()), Vec::new())));
    let (dir, execution) = (stage.results(), stage.execution());
    let finished = Finished { execution, job: &stage.job, dir: &dir, h1: &stage.h1 };
    let error = publishers[&bacalhau_job::PublisherKind::Estuary].publish(&finished).unwrap_err();
    assert!(error.to_string().contains("nothing was published"), "{error}");
    assert!(stage.ledger.entries().unwrap().entries.is_empty() && stage.node.store().pins().unwrap().is_empty());
}

#[test]
fn the_token_is_in_no_file_and_no_message() {
    let stage = Stage::reachable();
    let mut entry = stage.begin();
    let echo = "you sent Bearer t0ken-of-the-test";
    stage.service.fault(&[Fault::Status("500 Internal Server Error", "", echo)]);
    let why = stage.task().advance(&mut entry, now_ms()).unwrap_err().to_string();
    assert!(why.contains("Bearer (secret)"), "{why}");
    stage.service.fault(&[Fault::Status("401 Unauthorized", "", echo)]);
    stage.task().advance(&mut entry, now_ms()).unwrap();
    stage.ledger.begin(entry.clone()).unwrap();
    let files = fs::read_dir(stage.dir.path().join("publications")).unwrap().flatten();
    let on_disk: String = files.filter_map(|file| fs::read_to_string(file.path()).ok()).collect();
    let places = stage.places(TOKEN, true);
    let shown = format!("{why} {entry:?} {:?} {:?} {on_disk}", places, stage.task_with(&places));
    assert!(on_disk.contains("execution") && !shown.contains(TOKEN), "{shown}");
}
