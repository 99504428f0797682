//! A gateway as a server of this process plays it: well, busy, silent and lying.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use super::*;
use bacalhau_cas::{Block, Code, MAX_BLOCK_BYTES};
use bacalhau_testkit::server::{Asked, TestServer, hang_up, respond, say_nothing};

const BOUND: Duration = Duration::from_secs(30);

fn gateway(server: &TestServer, patience: Duration) -> Gateway {
    Gateway::new(server.url("/at/"), patience)
}

/// Asks the gateway for each of these, and waits for all answers.
fn fetch(gateway: &Gateway, blocks: &[Block]) -> Vec<Result<Bytes, String>> {
    let (sender, receiver) = mpsc::channel();
    let answers: Answers = Arc::new(move |cid, result| sender.send((cid, result)).unwrap());
    gateway.want(&blocks.iter().map(|block| *block.cid()).collect::<Vec<_>>(), &answers);
    let mut got: Vec<_> = blocks.iter().map(|_| receiver.recv_timeout(BOUND).unwrap()).collect();
    got.sort_by_key(|(cid, _)| blocks.iter().position(|block| block.cid() == cid));
    got.into_iter().map(|(_, result)| result.map_err(|error| error.to_string())).collect()
}

fn one(answer: impl Fn(&Asked, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static) -> (String, usize) {
    let server = TestServer::start(answer);
    let gateway = gateway(&server, Duration::from_millis(200));
    let result = fetch(&gateway, &[Block::of(Code::Raw, "hello")]).remove(0);
    (result.map_or_else(|error| error, |bytes| String::from_utf8_lossy(&bytes).into_owned()), server.asked().len())
}

#[test]
fn blocks_are_asked_for_by_their_canonical_cid() {
    let block = Block::of_v0("x");
    let cid = canonical(block.cid());
    let server = TestServer::start(|_, stream| respond(stream, "200 OK", &[], b"x"));
    let gateway = gateway(&server, Duration::from_secs(5));
    assert_eq!(fetch(&gateway, std::slice::from_ref(&block)), [Ok(block.bytes().clone())]);
    let asked = &server.asked()[0];
    assert_eq!(asked.target, format!("/at/ipfs/{cid}?format=raw"));
    assert_eq!((asked.method.as_str(), asked.header("accept")), ("GET", Some("application/vnd.ipld.raw")));
    assert!(gateway.name().starts_with("gateway http://127.0.0.1:") && gateway.name().ends_with("/at"));
}

#[test]
fn a_password_is_shown_to_nobody() {
    let url = Url::parse("https://user:secret@host/prefix").unwrap();
    let gateway = Gateway::new(url, BOUND);
    assert_eq!(gateway.name(), "gateway https://host/prefix");
    assert!(!format!("{gateway:?}").contains("secret"));
}

#[test]
fn many_blocks_come_over_few_connections() {
    let server = TestServer::start(|asked, stream| {
        let cid: Cid = asked.target[9..].split('?').next().unwrap().parse().unwrap();
        let number = (0..100_u8).find(|number| Block::of(Code::Raw, vec![*number]).cid() == &cid).unwrap();
        respond(stream, "200 OK", &[], &[number])
    });
    let gateway = gateway(&server, Duration::from_secs(5));
    let blocks: Vec<_> = (0..100_u8).map(|number| Block::of(Code::Raw, vec![number])).collect();
    let got = fetch(&gateway, &blocks);
    assert!(got.iter().zip(&blocks).all(|(got, block)| got.as_ref() == Ok(block.bytes())));
    assert!(server.connections() <= WORKERS, "{} connections", server.connections());
}

#[test]
fn what_gateways_say_is_passed_on() {
    let status = |status: &'static str| one(move |_, stream| respond(stream, status, &[], b""));
    for (text, tries) in [
        ("404 Not Found", 1),
        ("410 Gone", 1),
        ("412 Precondition Failed", 1),
        ("504 Gateway Timeout", 1),
        ("500 Internal Server Error", 3),
        ("503 Service Unavailable", 3),
    ] {
        let (said, asked) = status(text);
        assert!(said.contains("is missing: gateway http://127.0.0.1:") && said.contains(text), "{said}");
        assert_eq!(asked, tries, "{text}");
    }
    let (said, asked) = one(|_, stream| say_nothing(stream));
    assert!(said.contains("the server was silent for 0.2 s"), "{said}");
    assert_eq!(asked, 1);
    let (said, _) = one(|_, _| hang_up());
    assert!(said.contains("is missing: gateway"), "{said}");
}

#[test]
fn a_busy_gateway_is_asked_again_later() {
    let count = AtomicUsize::new(0);
    let busy = move |_: &Asked, stream: &mut TcpStream| match count.fetch_add(1, Ordering::SeqCst) {
        0 => respond(stream, "429 Too Many Requests", &["Retry-After: 1"], b""),
        _ => respond(stream, "200 OK", &[], b"hello"),
    };
    let begin = Instant::now();
    assert_eq!(one(busy), ("hello".into(), 2));
    assert!(begin.elapsed() >= Duration::from_secs(1));
    let (said, asked) = one(|_, stream| respond(stream, "429 Too Many Requests", &["Retry-After: 3600"], b""));
    assert!(said.contains("429 Too Many Requests"), "{said}");
    assert_eq!(asked, 1);
}

#[test]
fn lies_are_found_out() {
    let (said, _) = one(|_, stream| respond(stream, "200 OK", &[], b"hellO"));
    assert!(said.contains("is corrupt: gateway") && said.contains("another hash"), "{said}");
    let (said, _) = one(|_, stream| respond(stream, "200 OK", &[], &vec![0; MAX_BLOCK_BYTES + 1]));
    assert!(said.contains("which no block has"), "{said}");
    let (said, _) = one(|_, stream| {
        write!(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        loop {
            write!(stream, "1000\r\n{}\r\n", "x".repeat(0x1000))?;
        }
    });
    assert!(said.contains("which no block has"), "{said}");
    let (said, _) = one(|_, stream| {
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")?;
        hang_up()
    });
    assert!(said.contains("is missing"), "{said}");
}

#[test]
fn a_drip_is_not_waited_for() {
    let (said, _) = one(|_, stream| {
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")?;
        loop {
            stream.write_all(b"x")?;
            std::thread::park_timeout(Duration::from_millis(20));
        }
    });
    assert!(said.contains("it was not whole after 0.6 s"), "{said}");
}

#[test]
fn a_gateway_cannot_send_us_to_our_own_network() {
    let inner = TestServer::start(|_, stream| respond(stream, "200 OK", &[], b"hello"));
    let to = inner.url("/secret");
    let (said, _) = one(move |_, stream| respond(stream, "302 Found", &[&format!("Location: {to}")], b""));
    assert!(said.contains("only public addresses"), "{said}");
    let (said, _) = one(move |_, stream| respond(stream, "301 Moved", &["Location: ftp://host/x"], b""));
    assert!(said.contains("only http and https"), "{said}");
    assert!(inner.asked().is_empty());
}

#[test]
fn small_data_is_asked_of_nobody() {
    let server = TestServer::start(|_, _| hang_up());
    let cid: Cid = "bafkqaaa".parse().unwrap();
    let (sender, receiver) = mpsc::channel();
    let answers: Answers = Arc::new(move |_, result| sender.send(result.unwrap()).unwrap());
    let gateway = gateway(&server, Duration::from_secs(1));
    gateway.want(&[cid], &answers);
    assert_eq!(receiver.recv_timeout(BOUND).unwrap(), Bytes::new());
    assert!(server.asked().is_empty());
}

#[test]
fn what_is_no_block_is_named_as_what_it_is() {
    for (status, header, words) in [
        ("204 No Content", "X: y", "the server answered 204 No Content, and only 200 OK"),
        ("206 Partial Content", "Content-Range: bytes 0-4/5", "the server answered 206 Partial Content"),
        ("200 OK", "Content-Encoding: gzip", "the server sent it encoded (gzip)"),
    ] {
        let (said, asked) = one(move |_, stream| respond(stream, status, &[header], b"hello"));
        assert!(said.contains(words) && said.contains("gateway http://"), "{said}");
        assert_eq!(asked, 1, "nothing would be answered otherwise");
    }
}
