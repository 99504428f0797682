//! URLs that break off, change, are too large or have another hash.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, io};

use super::*;
use bacalhau_testkit::server::{Asked, TestServer, hang_up, respond};

const CONTENT: &[u8] = b"the quick brown fox jumps over the lazy dog";
const SHA256: &str = "05c6e08f1d9fdafa03147fcb8f82f124c76d2f70e3d989dc8aadb5e7d7450bec";

/// Fetches from a server that answers so, and says what was read or what went wrong, and how often it was asked.
fn fetch(
    fragment: &str,
    answer: impl Fn(&Asked, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> (Result<Vec<u8>, String>, Vec<Asked>) {
    let dir = tempfile::tempdir().unwrap();
    let storage = UrlStorage::new(Fetching {
        max_bytes: 1 << 10,
        patience: Duration::from_secs(10),
        reach: Reach::Named,
        spool_dir: dir.path().into(),
        progress: Arc::new(|_, _| {}),
    });
    let server = TestServer::start(answer);
    let source = Source::parse(&format!("{}{fragment}", server.url("/file"))).unwrap();
    let read = storage.open(&source).map_err(|error| error.to_string()).map(|opened| {
        let mut content = vec![0; 1 << 11];
        let length = opened.tree.open("").unwrap().read_at(&mut content, 0).unwrap();
        content.truncate(length);
        content
    });
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "something was left behind");
    (read, server.asked())
}

/// The whole file is announced, and `length` bytes of it come.
fn break_off(stream: &mut TcpStream, headers: &str, content: &[u8], length: usize) -> io::Result<()> {
    write!(stream, "HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n", content.len())?;
    stream.write_all(&content[..length])?;
    hang_up()
}

fn start_of(asked: &Asked) -> Option<usize> {
    asked.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

/// Five bytes at a time, then the connection breaks.
fn five_bytes(asked: &Asked, stream: &mut TcpStream) -> io::Result<()> {
    let Some(start) = start_of(asked) else { return break_off(stream, "ETag: \"one\"\r\n", CONTENT, 10) };
    assert_eq!(asked.header("if-range"), Some("\"one\""));
    let (rest, all) = (&CONTENT[start..], CONTENT.len());
    write!(stream, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{}/{all}\r\n", all - 1)?;
    write!(stream, "Content-Length: {}\r\n\r\n", rest.len())?;
    stream.write_all(&rest[..rest.len().min(10)])?;
    if rest.len() > 10 { hang_up() } else { Ok(()) }
}

#[test]
fn what_breaks_off_is_resumed() {
    let (read, asked) = fetch(&format!("#sha256={SHA256}"), five_bytes);
    assert_eq!(read.unwrap(), CONTENT);
    assert_eq!(asked.iter().map(start_of).collect::<Vec<_>>(), [None, Some(10), Some(20), Some(30), Some(40)]);
    assert!(asked.iter().all(|asked| asked.target == "/file"));
}

#[test]
fn another_file_is_fetched_anew() {
    const OTHER: &[u8] = b"another file, which the server has by now";
    let (read, asked) = fetch("", |asked, stream| match asked.header("if-range") {
        None => break_off(stream, "Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n", CONTENT, 10),
        Some("Wed, 21 Oct 2015 07:28:00 GMT") => respond(stream, "200 OK", &[], OTHER),
        Some(other) => panic!("{other}"),
    });
    assert_eq!(read.unwrap(), OTHER);
    assert_eq!(asked.len(), 2);
    for range in ["bytes 0-3/43", "bytes 10-13/44", "bytes */43", "nonsense"] {
        let (read, _) = fetch("", move |asked, stream| match start_of(asked) {
            None => break_off(stream, "ETag: \"one\"\r\n", CONTENT, 10),
            Some(_) => respond(stream, "206 Partial Content", &[&format!("Content-Range: {range}")], b"what"),
        });
        assert!(read.unwrap_err().contains("another range than requested"), "{range}");
    }
    let unasked = |_: &Asked, stream: &mut TcpStream| {
        respond(stream, "206 Partial Content", &["Content-Range: bytes 0-3/43"], b"what")
    };
    assert!(fetch("", unasked).0.unwrap_err().contains("206 Partial Content, and only 200 OK"));
}

#[test]
fn tries_are_bounded() {
    let (read, asked) = fetch("", |_, stream| break_off(stream, "ETag: \"one\"\r\n", CONTENT, 10));
    assert!(read.unwrap_err().contains("it broke off after 10 of 43 bytes"));
    assert_eq!(asked.len(), 6);
    // Nothing tells whether it is still the same file.
    for headers in ["", "ETag: W/\"weak\"\r\n"] {
        let (read, asked) = fetch("", move |_, stream| break_off(stream, headers, CONTENT, 10));
        assert!(read.unwrap_err().contains("it broke off after 10 of 43 bytes"));
        assert_eq!(asked.len(), 1);
    }
    let count = AtomicUsize::new(0);
    let (read, asked) = fetch("", move |_, stream| match count.fetch_add(1, Ordering::SeqCst) {
        0 => break_off(stream, "ETag: \"one\"\r\n", CONTENT, 10),
        _ => respond(stream, "410 Gone", &[], b""),
    });
    assert!(read.unwrap_err().contains("410 Gone"));
    assert_eq!(asked.len(), 2);
}

#[test]
fn size_and_hash_are_checked() {
    let (read, _) = fetch(&format!("#sha256={}", SHA256.replace("05c6", "05c7")), |_, stream| {
        respond(stream, "200 OK", &[], CONTENT)
    });
    assert!(read.unwrap_err().contains(&format!("its SHA-256 is {SHA256}, but 05c7e0")));
    let (read, _) = fetch("", |_, stream| {
        write!(stream, "HTTP/1.1 200 OK\r\nETag: \"one\"\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        loop {
            write!(stream, "100\r\n{}\r\n", "x".repeat(0x100))?;
        }
    });
    assert!(read.unwrap_err().contains("allow more with --input-bytes"));
}

#[test]
fn what_is_sent_encoded_is_named_and_not_read() {
    for (header, named) in [
        ("Content-Encoding: gzip", "encoded (gzip)"),
        ("content-encoding: br", "encoded (br)"),
        ("Content-Encoding: deflate, GZIP", "encoded (deflate, gzip)"),
        ("Content-Encoding: identity\r\nContent-Encoding: zstd", "encoded (zstd)"),
    ] {
        let (read, asked) = fetch("", move |_, stream| respond(stream, "200 OK", &["ETag: \"one\"", header], CONTENT));
        let error = read.unwrap_err();
        assert!(error.contains(named) && error.contains("plain bytes"), "{error}");
        assert_eq!((asked.len(), asked[0].header("accept-encoding")), (1, Some("identity")));
    }
    // Between machines too: HTTP takes the chunks apart and no more.
    let (read, _) = fetch("", |_, stream| {
        write!(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n4\r\nwhat\r\n0\r\n\r\n")
    });
    let error = read.unwrap_err();
    assert!(error.contains("encoded (gzip)"), "{error}");
    for header in ["Content-Encoding: identity", "Content-Encoding: ", "Content-Encoding:  Identity , "] {
        let (read, _) = fetch("", move |_, stream| respond(stream, "200 OK", &[header], CONTENT));
        assert_eq!(read.unwrap(), CONTENT, "{header}");
    }
    // Not when the rest is asked for either.
    let (read, asked) = fetch("", |asked, stream| {
        if start_of(asked).is_none() {
            return break_off(stream, "ETag: \"one\"\r\n", CONTENT, 10);
        }
        let headers = ["Content-Range: bytes 10-42/43", "Content-Encoding: gzip"];
        respond(stream, "206 Partial Content", &headers, &CONTENT[10..])
    });
    assert!(read.unwrap_err().contains("encoded (gzip)"));
    assert_eq!(asked.len(), 2);
}

#[test]
fn only_one_success_is_a_file() {
    for status in [
        "201 Created",
        "202 Accepted",
        "203 Non-Authoritative Information",
        "204 No Content",
        "205 Reset Content",
        "226 IM Used",
    ] {
        let (read, asked) = fetch("", move |_, stream| {
            if status.starts_with("204") {
                write!(stream, "HTTP/1.1 {status}\r\n\r\n")
            } else {
                respond(stream, status, &["ETag: \"one\""], b"")
            }
        });
        let error = read.unwrap_err();
        assert!(
            error.contains(&format!("the server answered {} ", &status[..3])) && error.contains("only 200 OK"),
            "{error}"
        );
        assert_eq!(asked.len(), 1);
    }
}

#[test]
fn an_encoded_length_is_not_the_length_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let storage = UrlStorage::new(Fetching {
        max_bytes: 1 << 10,
        patience: Duration::from_secs(5),
        reach: Reach::Named,
        spool_dir: dir.path().into(),
        progress: Arc::new(|_, _| {}),
    });
    for (encoding, size) in [("identity", Some(43)), ("gzip", None)] {
        let server = TestServer::start(move |_, stream| {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: 43\r\n\r\n")
        });
        let source = Source::parse(server.url("/file").as_str()).unwrap();
        assert_eq!(storage.size(&source).unwrap(), size, "{encoding}");
    }
}
