//! Clients that ask too much, and clients that ask too slowly, beside a client that wants one job done.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use bacalhau_testkit::{Lab, Node, until};

/// Connections of one loopback address that the API keeps open: half of all. Another address has a quarter.
const PER_ADDRESS: usize = 128;

/// What a flood was answered.
#[derive(Default)]
struct Answers {
    ok: AtomicUsize,
    later: AtomicUsize,
    /// Of these, those that do not say when to come again.
    no_time: AtomicUsize,
}

#[test]
fn a_flood_of_requests_does_not_keep_an_honest_job_out() {
    let lab = Lab::new();
    let node = lab.serve("node", "--api-requests-per-second 40");
    let (stop, answers) = (AtomicBool::new(false), Answers::default());
    thread::scope(|scope| {
        for client in 0..200 {
            let (stop, answers, node) = (&stop, &answers, &node);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    // It is cut off again and again.
                    let _ = ask_without_end(node, 50 + client % 4, stop, answers);
                    thread::sleep(Duration::from_millis(20));
                }
            });
        }
        let honest = thread::scope(|inner| {
            let honest = inner.spawn(|| {
                until("clients are told to come later", || answers.later.load(Ordering::Relaxed) > 100);
                let run = format!("wasm run hello.wat -c 1 --api-host {} --output json --output-dir out", node.api);
                let summary = lab.expect_json(0, &run);
                assert_eq!(summary["claim"]["outcome"]["exit"], 0, "{summary}");
                lab.expect(0, &format!("list --api-host {}", node.api))
            });
            honest.join()
        });
        stop.store(true, Ordering::Relaxed);
        honest.unwrap();
    });
    assert!(answers.ok.load(Ordering::Relaxed) > 0, "within their budget they are served");
    assert_eq!(answers.no_time.load(Ordering::Relaxed), 0, "each 429 says when to come again");
    let metrics = get(&node, 1, "/metrics");
    assert!(metrics.contains("bacalhau_http_refused_total{bound=\"address\"}"), "{metrics}");
    assert!(get(&node, 1, "/livez").contains("\"ok\":true"));
}

#[test]
fn clients_that_never_end_their_requests_block_nobody() {
    let lab = Lab::new();
    let node = lab.serve("node", "");
    let mut slow: Vec<TcpStream> = Vec::new();
    for _ in 0..2 * PER_ADDRESS {
        let mut stream = connect(&node, 60);
        // What is over the bound of an address is closed.
        let _ = stream.write_all(b"GET /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ");
        slow.push(stream);
    }
    let run = format!("wasm run hello.wat -c 1 --api-host {} --output json --output-dir out", node.api);
    assert_eq!(lab.expect_json(0, &run)["claim"]["outcome"]["exit"], 0);
    assert!(get(&node, 1, "/readyz").contains("\"ok\":true"));
    let metrics = get(&node, 1, "/metrics");
    assert!(metrics.contains("bacalhau_http_refused_total{bound=\"connections\"}"), "{metrics}");
    // The others are shown out after a while, though they go on sending.
    until("slow clients are cut off", || {
        slow.retain_mut(is_open);
        slow.is_empty()
    });
}

/// Whether the server still waits for the rest of a request.
fn is_open(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let written = stream.write(b"x");
    match stream.read(&mut [0; 512]) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => written.is_ok(),
        _ => false,
    }
}

/// A connection from an address of its own, all of which are this machine's.
fn connect(node: &Node, address: u8) -> TcpStream {
    let to: SocketAddr = node.api.strip_prefix("http://").unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let connected = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, address], 0))).unwrap();
        socket.connect(to).await.unwrap().into_std().unwrap()
    });
    connected.set_nonblocking(false).unwrap();
    connected.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    connected
}

/// The answer to one request, head and body.
fn get(node: &Node, address: u8, path: &str) -> String {
    let mut stream = connect(node, address);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Asks on one connection as fast as it is answered.
fn ask_without_end(node: &Node, address: u8, stop: &AtomicBool, answers: &Answers) -> std::io::Result<()> {
    let mut reader = BufReader::new(connect(node, address));
    while !stop.load(Ordering::Relaxed) {
        reader.get_mut().write_all(b"GET /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")?;
        let (mut status, mut length, mut has_time) = (String::new(), 0, false);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim().to_ascii_lowercase();
            if status.is_empty() {
                status.clone_from(&line);
            }
            has_time |= line.starts_with("retry-after: ");
            if let Some(bytes) = line.strip_prefix("content-length: ") {
                length = bytes.parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        reader.read_exact(&mut vec![0; length])?;
        if status.contains(" 429 ") {
            answers.later.fetch_add(1, Ordering::Relaxed);
            answers.no_time.fetch_add(usize::from(!has_time), Ordering::Relaxed);
        } else if status.contains(" 200 ") {
            answers.ok.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}
