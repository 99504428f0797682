//! The RPC of a kubo, spoken with `FakeKubo`: no kubo that has one can be installed here.

use std::io::Cursor;
use std::net::TcpStream;
use std::sync::mpsc;

use super::*;
use crate::ProviderAddress;
use bacalhau_cas::{Block, Code};
use bacalhau_testkit::server::{Asked, TestServer, respond};

/// Speaks the documented RPC as kubo 0.22 does: POST only, failures as JSON with status 500.
struct FakeKubo {
    server: TestServer,
    /// The only block it has.
    block: Block,
}

impl FakeKubo {
    fn start() -> Self {
        let block = Block::of(Code::Raw, "hello");
        let answered = block.clone();
        Self { server: TestServer::start(move |asked, stream| answer(&answered, asked, stream)), block }
    }

    fn kubo(&self) -> Kubo {
        let port = self.server.url("/").port().unwrap();
        kubo(&format!("/ip4/127.0.0.1/tcp/{port}"))
    }
}

fn answer(block: &Block, asked: &Asked, stream: &mut TcpStream) -> io::Result<()> {
    let (call, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    let has = |part: &str| query.split('&').any(|other| other == part);
    let fail = |stream: &mut TcpStream, why: &str| {
        let message = format!("{{\"Message\":\"{why}\",\"Code\":0,\"Type\":\"error\"}}\n");
        respond(stream, "500 Internal Server Error", &["Content-Type: application/json"], message.as_bytes())
    };
    if asked.method != "POST" {
        return respond(stream, "405 Method Not Allowed", &[], b"405 - Method Not Allowed");
    }
    match call {
        "/api/v0/version" => respond(stream, "200 OK", &[], br#"{"Version":"0.22.0","Commit":"","Repo":"14"}"#),
        "/api/v0/id" => respond(stream, "200 OK", &[], br#"{"ID":"12D3KooW","Addresses":[]}"#),
        "/api/v0/block/get" if has(&format!("arg={}", block.cid())) => {
            respond(stream, "200 OK", &["X-Content-Length: 5"], block.bytes())
        }
        "/api/v0/block/get" if has("timeout=160ms") => fail(stream, "context deadline exceeded"),
        "/api/v0/pin/add" => respond(stream, "200 OK", &[], format!("{{\"Pins\":[\"{}\"]}}", block.cid()).as_bytes()),
        "/api/v0/dag/import" if has("pin-roots=true") => import(block, asked, stream),
        _ => respond(stream, "404 Not Found", &[], b"404 page not found"),
    }
}

fn import(block: &Block, asked: &Asked, stream: &mut TcpStream) -> io::Result<()> {
    let body = String::from_utf8_lossy(&asked.body).into_owned();
    let boundary = asked.header("content-type").unwrap().split_once("boundary=").unwrap().1;
    let body = body.strip_prefix(&format!("--{boundary}\r\n")).unwrap();
    let (head, car) = body.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("name=\"file\""));
    let car = car.strip_suffix(&format!("\r\n--{boundary}--\r\n")).unwrap();
    let pinned =
        |error: &str| format!("{{\"Root\":{{\"Cid\":{{\"/\":\"{}\"}},\"PinErrorMsg\":\"{error}\"}}}}\n", block.cid());
    let lines = match car {
        "broken pin" => pinned("block was not found locally"),
        "no roots" => "{\"Stats\":{\"BlockCount\":0,\"BlockBytesCount\":0}}\n".into(),
        "not json" => "<html>".into(),
        _ => format!("{}{{\"Stats\":{{\"BlockCount\":1,\"BlockBytesCount\":5}}}}\n", pinned("")),
    };
    respond(stream, "200 OK", &["Content-Type: application/json"], lines.as_bytes())
}

fn kubo(address: &str) -> Kubo {
    let Ok(ProviderAddress::Kubo(address)) = address.parse() else { panic!("{address} is no kubo") };
    Kubo::new(address, Duration::from_millis(200))
}

fn get(kubo: &Kubo, cid: &Cid) -> Result<Bytes, String> {
    let (sender, receiver) = mpsc::channel();
    let answers: Answers = Arc::new(move |_, result| sender.send(result).unwrap());
    kubo.want(&[*cid], &answers);
    receiver.recv_timeout(Duration::from_secs(30)).unwrap().map_err(|error| error.to_string())
}

#[test]
fn it_hands_out_blocks() {
    let fake = FakeKubo::start();
    let kubo = fake.kubo();
    assert_eq!(get(&kubo, fake.block.cid()).unwrap(), "hello");
    let error = get(&kubo, Block::of(Code::Raw, "other").cid()).unwrap_err();
    assert!(error.contains("is missing: kubo /ip4/127.0.0.1/tcp/"), "{error}");
    assert!(error.contains("it says: context deadline exceeded"), "{error}");
    let liar = TestServer::start(|_, stream| respond(stream, "200 OK", &[], b"lies"));
    let error = get(&self::kubo(liar.url("/api/v0").as_str()), fake.block.cid()).unwrap_err();
    assert!(error.contains("is corrupt: kubo http://127.0.0.1:"), "{error}");
}

#[test]
fn who_answers_is_known() {
    let fake = FakeKubo::start();
    assert_eq!(fake.kubo().identity().unwrap(), KuboIdentity { peer: "12D3KooW".into(), version: "0.22.0".into() });
    let error = |kubo: &Kubo| kubo.identity().unwrap_err().to_string();
    let said = error(&kubo("/ip4/127.0.0.1/tcp/1"));
    assert!(
        said.contains("cannot ask for the version of kubo /ip4/127.0.0.1/tcp/1") && said.contains("running"),
        "{said}"
    );
    let said = error(&kubo(fake.server.url("/wrong/api/v0").as_str()));
    assert!(said.contains("404 page not found; is this the address of its RPC?"), "{said}");
    let other = TestServer::start(|_, stream| respond(stream, "200 OK", &[], b"<html>"));
    let said = error(&kubo(other.url("/api/v0").as_str()));
    assert!(said.contains("not that of kubo"), "{said}");
}

#[test]
fn it_pins_what_it_is_given_and_says_so() {
    let fake = FakeKubo::start();
    let (kubo, root) = (fake.kubo(), fake.block.cid());
    kubo.push(Cursor::new("an archive"), root).unwrap();
    kubo.pin(root).unwrap();
    let asked = &fake.server.asked()[0];
    assert_eq!(asked.header("transfer-encoding"), Some("chunked"));
    let push = |car: &str, root: &Cid| kubo.push(Cursor::new(car.to_owned()), root).unwrap_err().to_string();
    let other = Block::of(Code::Raw, "other");
    let error = push("an archive", other.cid());
    assert!(error.contains(&format!("it reports pinning {root} instead of {}", other.cid())), "{error}");
    assert!(push("no roots", root).contains("it reports pinning nothing"));
    assert!(push("broken pin", root).contains("was not pinned: block was not found locally"));
    assert!(push("not json", root).contains("not that of kubo"));
}

/// Breaks after a few bytes.
struct Broken(bool);

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if std::mem::replace(&mut self.0, true) {
            return Err(io::Error::other("the disk broke"));
        }
        buffer[0] = b'x';
        Ok(1)
    }
}

#[test]
fn an_archive_that_cannot_be_read_is_not_published() {
    let fake = FakeKubo::start();
    let error = fake.kubo().push(Broken(false), fake.block.cid()).unwrap_err().to_string();
    assert!(error.contains("the disk broke"), "{error}");
    assert!(fake.server.asked().is_empty());
}

#[test]
fn a_drip_is_not_waited_for() {
    let server = TestServer::start(|_, stream| {
        io::Write::write_all(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")?;
        loop {
            io::Write::write_all(stream, b"x")?;
            std::thread::park_timeout(Duration::from_millis(20));
        }
    });
    let kubo = kubo(&format!("/ip4/127.0.0.1/tcp/{}", server.url("/").port().unwrap()));
    let said = get(&kubo, Block::of(Code::Raw, "hello").cid()).unwrap_err();
    assert!(said.contains("it was not whole after 0.6 s"), "{said}");
}

#[test]
fn what_comes_encoded_is_named_as_that() {
    let server = TestServer::start(|_, stream| respond(stream, "200 OK", &["Content-Encoding: gzip"], b"\x1f\x8b"));
    let kubo = kubo(&format!("/ip4/127.0.0.1/tcp/{}", server.url("/").port().unwrap()));
    let said = kubo.identity().unwrap_err().to_string();
    assert!(said.contains("the server sent it encoded (gzip)"), "{said}");
    let said = get(&kubo, Block::of(Code::Raw, "hello").cid()).unwrap_err();
    assert!(said.contains("the server sent it encoded (gzip)"), "{said}");
}
