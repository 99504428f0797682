//! A trustless gateway on loopback: blocks of one archive by CID, and the archive itself.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use bacalhau_cas::car::CarReader;

/// Serves until the test's process ends.
pub(crate) struct Gateway {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Gateway {
    /// Serves what is in the archive at `car`; nothing, if it is none.
    pub(crate) fn start(car: &Path) -> Self {
        let archive = std::fs::read(car).unwrap();
        let reader = CarReader::new("", BufReader::new(File::open(car).unwrap()));
        let blocks = reader.into_iter().flatten().map(|block| {
            let block = block.unwrap();
            (block.cid().to_string(), block.bytes().to_vec())
        });
        let blocks: Arc<HashMap<String, Vec<u8>>> = Arc::new(blocks.collect());
        let archive = Arc::new(archive);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<String>>>::default());
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (blocks, archive, log) = (Arc::clone(&blocks), Arc::clone(&archive), Arc::clone(&log));
                // A client that hangs up is part of the tests.
                thread::spawn(move || answer(&stream, &blocks, &archive, &log).unwrap_or_default());
            }
        });
        Self { address, asked }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Paths of all requests so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(
    stream: &TcpStream,
    blocks: &HashMap<String, Vec<u8>>,
    archive: &[u8],
    log: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let path = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
        log.lock().unwrap().push(path.clone());
        let found = match path.split_once('?') {
            Some((block, query)) if query.contains("format=raw") => {
                blocks.get(block.trim_start_matches("/ipfs/")).map(Vec::as_slice)
            }
            Some((_, query)) if query.contains("format=car") && !blocks.is_empty() => Some(archive),
            None if path.starts_with("/car/") => Some(archive),
            _ => None,
        };
        let (status, body) = found.map_or(("404 Not Found", &b"no"[..]), |body| ("200 OK", body));
        write!(&*stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len())?;
        (&*stream).write_all(body)?;
    }
}
