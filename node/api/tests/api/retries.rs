//! Clients of a server that is busy, stops reading, or hangs up.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bacalhau_tree::HostTree;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::*;
use bacalhau_testkit::server::{TestServer, hang_up, respond};

const LONG: Duration = Duration::from_mins(1);
const OURS: &str = "bacalhau-api: 1";

/// What was said of pauses.
type Said = Arc<Mutex<Vec<String>>>;

/// `client`, asking again for `limit`. At each pause, `then` is done.
fn retrying(client: ApiClient, limit: Duration, then: impl Fn() + Send + Sync + 'static) -> (ApiClient, Said) {
    let said = Said::default();
    let lines = Arc::clone(&said);
    let client = client.retrying(
        limit,
        Arc::new(move |line| {
            lines.lock().unwrap().push(line.to_owned());
            then();
        }),
    );
    (client, said)
}

/// A directory of some MiB.
fn tree(stage: &Stage) -> HostTree {
    let dir = stage.fake.path("input");
    fs::create_dir_all(&dir).unwrap();
    for number in 0..8_u8 {
        fs::write(dir.join(number.to_string()), vec![number; 1 << 20]).unwrap();
    }
    HostTree::open(&dir).unwrap()
}

/// Takes one of the places for archives until it is dropped.
fn half_an_archive(stage: &Stage) -> TcpStream {
    let mut stream = stage.connect();
    let head = "POST /api/v1/data HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/vnd.ipld.car\r\n\
                Expect: 100-continue\r\nContent-Length: 1000\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    // The server begins to read. The place is taken once something has come.
    stream.read_exact(&mut [0]).unwrap();
    stream.write_all(b"x").unwrap();
    std::thread::sleep(Duration::from_secs(1));
    stream
}

#[test]
fn a_busy_server_is_asked_again_and_there_is_one_job() {
    let stage = Stage::new();
    *stage.fake.problem.lock().unwrap() = Some("starting".into());
    let fake = Arc::clone(&stage.fake);
    let (client, said) = retrying(stage.client(1), LONG, move || *fake.problem.lock().unwrap() = None);
    let request = signed(spec(), 1, 1);
    let id = client.submit(&request).unwrap();
    let said = said.lock().unwrap().clone();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("is busy: starting; retrying in "), "{said:?}");
    assert_eq!(stage.fake.come.load(Ordering::SeqCst), 2);
    assert_eq!(client.submit(&request).unwrap(), id);
    assert_eq!(client.jobs(&ListParams::default()).unwrap().jobs.len(), 1);
}

#[test]
fn a_busy_server_is_not_asked_for_ever() {
    let stage = Stage::within(Limits { uploads: 1, ..Limits::default() });
    let _taken = half_an_archive(&stage);
    let (client, said) = retrying(stage.client(1), Duration::from_millis(1500), || ());
    let error = client.add_data(Arc::new(tree(&stage))).unwrap_err();
    assert_eq!(code(&error), ErrorCode::Busy);
    assert!(error.to_string().contains("gave up after 1 s"), "{error}");
    assert_eq!(said.lock().unwrap().len(), 1);
}

#[test]
fn an_archive_that_there_is_no_place_for_is_brought_later() {
    let stage = Stage::within(Limits { uploads: 1, ..Limits::default() });
    let taken = Mutex::new(Some(half_an_archive(&stage)));
    assert_eq!(
        code(&stage.client(1).add_data(Arc::new(tree(&stage))).unwrap_err()),
        ErrorCode::Busy,
        "once, by default"
    );
    let (client, said) = retrying(stage.client(1), LONG, move || drop(taken.lock().unwrap().take()));
    client.add_data(Arc::new(tree(&stage))).unwrap();
    assert!(said.lock().unwrap()[0].contains("the node has the maximum number of concurrent uploads"));
}

#[test]
fn the_answer_of_a_server_that_stops_reading_is_read() {
    let stage = Stage::within(Limits { data_bytes: 100_000, ..Limits::default() });
    let error = stage.client(1).add_data(Arc::new(tree(&stage))).unwrap_err();
    assert_eq!(code(&error), ErrorCode::TooLarge, "{error}");
}

#[test]
fn a_job_whose_answer_was_lost_is_submitted_again_and_is_one_job() {
    let stage = Stage::new();
    let (client, asked) = (stage.client(1), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&asked);
    // Between client and server: the first answer is lost.
    let cut = TestServer::start(move |asked, stream| {
        let request: SignedRequest = serde_json::from_slice(&asked.body).unwrap();
        let id = client.submit(&request).unwrap();
        if count.fetch_add(1, Ordering::SeqCst) == 0 {
            return hang_up();
        }
        respond(stream, "201 Created", &[OURS], format!("{{\"id\":\"{id}\"}}").as_bytes())
    });
    let client = ApiClient::new(cut.url("").as_str(), key(1));
    let request = signed(spec(), 1, 1);
    let error = client.submit(&request).unwrap_err();
    assert!(error.to_string().contains("closed the connection without an answer"), "{error}");
    asked.store(0, Ordering::SeqCst);
    let (client, said) = retrying(client, LONG, || ());
    client.submit(&request).unwrap();
    assert_eq!((asked.load(Ordering::SeqCst), said.lock().unwrap().len()), (2, 1));
    assert_eq!(stage.client(1).jobs(&ListParams::default()).unwrap().jobs.len(), 1);
}

#[test]
fn a_server_that_always_hangs_up_is_named_in_the_end() {
    let server = TestServer::start(|_, _| hang_up());
    let (client, said) = retrying(ApiClient::new(server.url("").as_str(), key(1)), LONG, || ());
    let error = client.node().unwrap_err();
    assert!(matches!(&error, ClientError::HungUp(..)), "{error}");
    assert_eq!(said.lock().unwrap().len(), 4);
    // There is nobody at all: that is said at once.
    let (client, said) = retrying(ApiClient::new("http://127.0.0.1:1", key(1)), LONG, || ());
    assert!(matches!(client.node().unwrap_err(), ClientError::Unreachable(..)));
    assert!(said.lock().unwrap().is_empty());
}

#[test]
fn a_log_that_breaks_off_goes_on_where_it_was() {
    let part = |stream: &mut TcpStream, offset: u64, text: &str, ended: bool| -> io::Result<()> {
        let line = LogLine { offset, base64: BASE64_STANDARD.encode(text), ended, problem: None };
        let line = serde_json::to_string(&line).unwrap();
        write!(stream, "HTTP/1.1 200 OK\r\n{OURS}\r\nContent-Length: 10000\r\n\r\n{line}\n")
    };
    let server = TestServer::start(move |asked, stream| {
        let (offset, text, ended) =
            if asked.target.contains("offset=3") { (3, "def", true) } else { (0, "abc", false) };
        part(stream, offset, text, ended)?;
        hang_up()
    });
    let client = ApiClient::new(server.url("").as_str(), key(1));
    let log = client.follow_log(&"a".repeat(32), LogParams::default()).unwrap();
    let parts: Vec<Vec<u8>> = log.map(|part| part.unwrap()).collect();
    assert_eq!(parts.concat(), b"abcdef");
}
