//! The HTTP below the fake: one thread a connection, requests one after the other.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// A request.
pub(super) struct Asked {
    /// Method and target.
    pub(super) line: String,
    head: String,
    /// The body.
    pub(super) body: Vec<u8>,
}

/// The reaction to a request.
pub(super) enum Answer {
    /// Status, one more header if there is any, body.
    Whole(u16, Option<String>, Vec<u8>),
    /// Says nothing until the client hangs up.
    Silence,
    /// Hangs up.
    HangUp,
    /// Says a little at a time, and never all of it.
    Trickle,
}

impl Asked {
    /// The value of a header, by its name in any case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Serves until the process ends.
pub(super) fn serve(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            // A client that hangs up is part of the tests.
            thread::spawn(move || talk(stream, &*answer).unwrap_or_default());
        }
    });
    address
}

fn talk(mut stream: TcpStream, answer: &dyn Fn(&Asked) -> Answer) -> io::Result<()> {
    loop {
        let asked = read(&mut stream)?;
        match answer(&asked) {
            Answer::Whole(status, header, body) => {
                let header = header.map(|line| format!("{line}\r\n")).unwrap_or_default();
                // At once: a second write would wait for the client's word about the first.
                let head = format!("HTTP/1.1 {status} It\r\n{header}Content-Length: {}\r\n\r\n", body.len());
                stream.write_all(&[head.as_bytes(), &body].concat())?;
            }
            Answer::Silence => {
                stream.read_exact(&mut [0])?;
                return Ok(());
            }
            Answer::HangUp => return Ok(()),
            Answer::Trickle => {
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")?;
                stream.set_read_timeout(Some(Duration::from_millis(100)))?;
                // Until the client has had enough.
                while matches!(stream.read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
                    stream.write_all(b" ")?;
                }
                return Ok(());
            }
        }
    }
}

fn read(stream: &mut TcpStream) -> io::Result<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
    let mut asked = Asked { line, head, body: Vec::new() };
    asked.body = vec![0; asked.header("content-length").expect("a body of known length").parse().unwrap()];
    stream.read_exact(&mut asked.body)?;
    Ok(asked)
}
