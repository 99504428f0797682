//! The server of published results: ranges, names that lead out, and clients that are slow.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use super::*;

const BOUNDS: Bounds =
    Bounds { connections: 16, head_patience: Duration::from_millis(300), patience: Duration::from_millis(300) };

/// A directory with files, some of which nobody may see, and a server of it.
struct Stage {
    server: FileServer,
    dir: tempfile::TempDir,
}

fn stage() -> Stage {
    stage_within(BOUNDS)
}

fn stage_within(bounds: Bounds) -> Stage {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("public");
    fs::create_dir_all(root.join("sub/.hidden")).unwrap();
    fs::write(dir.path().join("secret"), "secret").unwrap();
    fs::write(root.join("sub/a b.txt"), "0123456789").unwrap();
    fs::write(root.join("data.car"), "car").unwrap();
    fs::write(root.join("page.html"), "<script>").unwrap();
    fs::write(root.join(".env"), "secret").unwrap();
    fs::write(root.join("sub/.hidden/x"), "of a result").unwrap();
    fs::write(root.join("sub/..data"), "of a result").unwrap();
    std::os::unix::fs::symlink("../secret", root.join("out")).unwrap();
    std::os::unix::fs::symlink("..", root.join("up")).unwrap();
    std::os::unix::fs::symlink(".env", root.join("env")).unwrap();
    fs::create_dir(root.join(".drafts")).unwrap();
    fs::write(root.join(".drafts/x"), "secret").unwrap();
    std::os::unix::fs::symlink("../.drafts", root.join("sub/drafts")).unwrap();
    std::os::unix::fs::symlink("data.car", root.join("in")).unwrap();
    let server = FileServer::start_within(bounds, "127.0.0.1:0".parse().unwrap(), &root).unwrap();
    Stage { server, dir }
}

/// An answer, read until the server hangs up.
struct Reply {
    head: String,
    body: Vec<u8>,
}

impl Reply {
    fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl Stage {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.server.local_addr()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    fn ask(&self, method: &str, path: &str, headers: &[&str]) -> Reply {
        let mut stream = self.connect();
        let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n").unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let body = bytes.split_off(end + 4);
        Reply { head: String::from_utf8(bytes).unwrap(), body }
    }
}

#[test]
fn files_are_served_with_all_that_clients_need() {
    let stage = stage();
    let reply = stage.ask("GET", "/sub/a%20b.txt", &[]);
    assert_eq!((reply.status(), &reply.body[..]), ("200", &b"0123456789"[..]));
    assert_eq!(reply.header("content-length"), Some("10"));
    assert_eq!(reply.header("content-type"), Some("text/plain"));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(reply.header("accept-ranges"), Some("bytes"));
    assert!(reply.header("last-modified").is_some());
    assert!(stage.ask("GET", "/page.html", &[]).header("content-security-policy").unwrap().contains("sandbox"));
    assert_eq!(stage.ask("GET", "/data.car", &[]).header("content-type"), Some("application/vnd.ipld.car"));
    assert_eq!(stage.ask("GET", "/in", &[]).header("content-type"), Some("application/octet-stream"));
    assert_eq!(stage.ask("GET", "/in", &[]).body, b"car");
    for path in ["/sub/.hidden/x", "/sub/%2ehidden/x", "/sub/..data"] {
        assert_eq!(stage.ask("GET", path, &[]).body, b"of a result", "{path}");
    }
    let head = stage.ask("HEAD", "/sub/a%20b.txt", &[]);
    assert_eq!((head.status(), head.header("content-length"), head.body.len()), ("200", Some("10"), 0));
    assert_eq!(head.header("etag"), reply.header("etag"));
}

#[test]
fn a_transfer_is_resumed_while_the_file_is_the_same() {
    let stage = stage();
    let path = "/sub/a%20b.txt";
    let first = stage.ask("GET", path, &[]);
    let tag = first.header("etag").unwrap().to_owned();
    let date = first.header("last-modified").unwrap().to_owned();
    for validator in [&tag, &date] {
        let rest = stage.ask("GET", path, &["Range: bytes=4-", &format!("If-Range: {validator}")]);
        assert_eq!((rest.status(), &rest.body[..]), ("206", &b"456789"[..]));
        assert_eq!(rest.header("content-range"), Some("bytes 4-9/10"));
    }
    assert_eq!(stage.ask("GET", path, &["Range: bytes=2-3"]).body, b"23");
    assert_eq!(stage.ask("GET", path, &["Range: bytes=10-"]).status(), "416");
    let other = stage.ask("GET", path, &["Range: bytes=4-", "If-Range: \"other\""]);
    assert_eq!((other.status(), other.body.len()), ("200", 10));
    assert_eq!(stage.ask("GET", path, &[&format!("If-None-Match: \"x\", W/{tag}")]).status(), "304");
    assert_eq!(
        stage.ask("GET", path, &["If-None-Match: \"x\"", &format!("If-Modified-Since: {date}")]).status(),
        "200"
    );
    assert_eq!(stage.ask("GET", path, &[&format!("If-Modified-Since: {date}")]).status(), "304");
    fs::write(stage.dir.path().join("public/sub/a b.txt"), "another file").unwrap();
    let anew = stage.ask("GET", path, &["Range: bytes=4-", &format!("If-Range: {tag}")]);
    assert_eq!((anew.status(), &anew.body[..]), ("200", &b"another file"[..]));
}

#[test]
fn nothing_else_is_seen() {
    let stage = stage();
    let paths = [
        "/",
        "/sub",
        "/sub/",
        "/nothing",
        "/data.car/",
        "//data.car",
        "/../secret",
        "/sub/../../secret",
        "/sub/../data.car",
        "/%2e%2e/secret",
        "/sub/%2e%2e%2f%2e%2e%2fsecret",
        "/..%2fsecret",
        "/..%5csecret",
        "/sub%2f..%2fdata.car",
        "/%252e%252e/secret",
        "/data.car%00",
        "/%ff",
        "/.env",
        "/%2eenv",
        "/.drafts/x",
        "/sub/%2e",
        "/out",
        "/up/secret",
        "/env",
        "/sub/drafts/x",
    ];
    for path in paths {
        let reply = stage.ask("GET", path, &[]);
        assert_eq!((reply.status(), &reply.body[..]), ("404", &b"not found\n"[..]), "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let reply = stage.ask(method, "/data.car", &["Content-Length: 0"]);
        assert_eq!((reply.status(), reply.header("allow")), ("405", Some("GET, HEAD")), "{method}");
    }
    let any = "127.0.0.1:0".parse().unwrap();
    let error = |name: &str| FileServer::start(any, &stage.dir.path().join(name)).map(drop).unwrap_err().kind();
    assert_eq!((error("secret"), error("nothing")), (ErrorKind::NotADirectory, ErrorKind::NotFound));
}

#[test]
fn many_ranges_of_a_large_file_are_no_more_work_than_one() {
    let stage = stage();
    let large = fs::File::create(stage.dir.path().join("public/large")).unwrap();
    large.set_len(1 << 30).unwrap();
    // Each of these would be most of the file, and all in one answer.
    let ranges = vec!["0-1073741822"; 600].join(",");
    let reply = stage.ask("GET", "/large", &[&format!("Range: bytes={ranges}")]);
    assert_eq!((reply.status(), reply.header("content-range")), ("416", Some("bytes */1073741824")));
    for range in ["bytes=-0", "bytes=5-2", "bytes=18446744073709551616-", "bytes=1073741824-", "lines=1-2"] {
        let reply = stage.ask("HEAD", "/large", &[&format!("Range: {range}")]);
        assert!(matches!(reply.status(), "416" | "200"), "{range}: {}", reply.status());
    }
}

#[test]
fn slow_clients_do_not_keep_others_out() {
    // Says nothing; half of something; does not read; asks nothing more.
    let table = [
        "",
        "GET /data.car HTT",
        "GET /large HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /data.car HTTP/1.1\r\nHost: x\r\n\r\n",
    ];
    for said in table {
        let stage = stage_within(Bounds { connections: 1, ..BOUNDS });
        let large = fs::File::create(stage.dir.path().join("public/large")).unwrap();
        large.set_len(1 << 30).unwrap();
        let mut slow = stage.connect();
        slow.write_all(said.as_bytes()).unwrap();
        let begin = Instant::now();
        assert_eq!(stage.ask("GET", "/data.car", &[]).body, b"car", "{said}");
        assert!(begin.elapsed() < Duration::from_secs(10), "{said}");
    }
}

#[test]
fn a_reader_that_crawls_is_hung_up_on() {
    let stage = stage();
    let large = fs::File::create(stage.dir.path().join("public/large")).unwrap();
    large.set_len(1 << 30).unwrap();
    let mut slow = stage.connect();
    slow.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let begin = Instant::now();
    // A byte now and then is no silence. What the system has taken already can be read for long.
    while begin.elapsed() < Duration::from_secs(4) && slow.read(&mut [0]).is_ok_and(|length| length > 0) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut rest = 0;
    let mut buffer = vec![0; 1 << 20];
    while let Ok(length @ 1..) = slow.read(&mut buffer) {
        rest += length;
    }
    assert!(rest < 1 << 28, "it goes on: {rest} bytes");
}

#[test]
fn it_ends_when_it_is_dropped() {
    let stage = stage();
    let mut idle = stage.connect();
    let address = stage.server.local_addr();
    drop(stage);
    let _ = idle.read(&mut [0]);
    let begin = Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(begin.elapsed() < Duration::from_secs(20), "it still listens");
    }
}
