//! A scripted web server on loopback, which can also misbehave.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use url::Url;

/// Serves until the test's process ends.
#[derive(Clone, Debug)]
pub struct TestServer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    connections: Arc<AtomicUsize>,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub target: String,
    head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Asked {
    /// The value of a header, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl TestServer {
    /// Answers each request by `answer`; an error of it ends the connection.
    pub fn start(answer: impl Fn(&Asked, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server =
            Self { address: listener.local_addr().unwrap(), asked: Arc::default(), connections: Arc::default() };
        let connections = Arc::clone(&server.connections);
        let (answer, log) = (Arc::new(answer), Arc::clone(&server.asked));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                connections.fetch_add(1, Ordering::SeqCst);
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                // A client that hangs up is part of the tests.
                thread::spawn(move || serve(stream, &*answer, &log).unwrap_or_default());
            }
        });
        server
    }

    /// The URL of `path`, which begins with `/`.
    pub fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.address)).unwrap()
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

type Answering = dyn Fn(&Asked, &mut TcpStream) -> io::Result<()>;

fn serve(mut stream: TcpStream, answer: &Answering, log: &Mutex<Vec<Asked>>) -> io::Result<()> {
    loop {
        let asked = read_request(&mut stream)?;
        log.lock().unwrap().push(asked.clone());
        answer(&asked, &mut stream)?;
    }
}

/// Writes a whole answer: `status` as `200 OK`, `headers` as lines without an end.
pub fn respond(stream: &mut TcpStream, status: &str, headers: &[&str], body: &[u8]) -> io::Result<()> {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    write!(stream, "HTTP/1.1 {status}\r\n{lines}Content-Length: {}\r\n\r\n", body.len())?;
    stream.write_all(body)
}

/// Waits until the client hangs up.
pub fn say_nothing(stream: &mut TcpStream) -> io::Result<()> {
    stream.read(&mut [0]).and(Err(io::ErrorKind::ConnectionAborted.into()))
}

/// Closes the connection.
pub fn hang_up() -> io::Result<()> {
    Err(io::ErrorKind::ConnectionAborted.into())
}

fn read_request(stream: &mut TcpStream) -> io::Result<Asked> {
    let head = read_until(stream, b"\r\n\r\n")?;
    let mut words = head.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut asked = Asked { method, target, head, body: Vec::new() };
    if asked.header("transfer-encoding") == Some("chunked") {
        loop {
            let size = read_until(stream, b"\r\n")?;
            let mut chunk = vec![0; usize::from_str_radix(size.trim(), 16).unwrap() + 2];
            stream.read_exact(&mut chunk)?;
            if chunk.len() == 2 {
                break;
            }
            asked.body.extend(&chunk[..chunk.len() - 2]);
        }
    } else {
        asked.body = vec![0; asked.header("content-length").map_or(0, |length| length.parse().unwrap())];
        stream.read_exact(&mut asked.body)?;
    }
    Ok(asked)
}

fn read_until(stream: &mut TcpStream, end: &[u8]) -> io::Result<String> {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(end) {
        stream.read_exact(&mut byte)?;
        text.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}
