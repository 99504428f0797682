//! A web server on loopback that also misbehaves. What it does is in the path.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Serves until the test's process ends.
pub(crate) struct Server {
    address: SocketAddr,
}

impl Server {
    /// `/file/…` answers with `content`; the other paths are in `answer`.
    pub(crate) fn start(content: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that hangs up is part of the tests.
                thread::spawn(move || answer(stream, content).unwrap_or_default());
            }
        });
        Self { address }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn answer(mut stream: TcpStream, content: &str) -> io::Result<()> {
    let request = read_head(&mut stream)?;
    let mut words = request.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let ok = |length: u64| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    let redirect =
        |to: &str| format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    match path {
        "/truncated" => write!(stream, "{}{content}", ok(content.len() as u64 + 100)),
        "/huge" => write!(stream, "{}{content}", ok(1 << 50)),
        "/endless" => endless(&mut stream),
        "/silent" => {
            write!(stream, "{}{content}", ok(content.len() as u64 + 1))?;
            // Until the client gives up.
            stream.read(&mut [0]).map(drop)
        }
        "/mute" => stream.read(&mut [0]).map(drop),
        "/redirect" => write!(stream, "{}", redirect("/file/moved")),
        "/circle" => write!(stream, "{}", redirect("/circle")),
        "/packed" => {
            let length = content.len();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{content}"
            )
        }
        "/no-content" => write!(stream, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"),
        "/error" => {
            write!(stream, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        }
        _ if path.starts_with("/file/") => {
            write!(stream, "{}{}", ok(content.len() as u64), if method == "HEAD" { "" } else { content })
        }
        _ => write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnope"),
    }
}

/// Chunks without an end and without a length.
fn endless(stream: &mut TcpStream) -> io::Result<()> {
    write!(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")?;
    loop {
        write!(stream, "400\r\n{}\r\n", "x".repeat(0x400))?;
    }
}

fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
