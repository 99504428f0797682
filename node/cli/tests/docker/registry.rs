//! A fake registry on loopback, which engines take for one that needs no TLS: it has one image, and says no to everything else.
//! It knows as much of the registry's API as a pull asks for.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::json;
use sha2::{Digest as _, Sha256};

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// See the module.
pub(crate) struct Registry {
    addr: SocketAddr,
    /// The digest of the image.
    pub(crate) digest: String,
    asked: Arc<Mutex<Vec<String>>>,
}

/// Answers by path: the type, and the bytes.
type Answers = BTreeMap<String, (&'static str, Vec<u8>)>;

impl Registry {
    /// One whose image `words:1` has the file system in the tar archive at `root`.
    pub(crate) fn start(root: &Path) -> Self {
        let layer = std::fs::read(root).unwrap();
        let arch = if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" };
        let config = json!({
            "architecture": arch, "os": "linux", "config": {"Entrypoint": ["/bin/echo", "from"], "Cmd": ["the image"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
        });
        let config = config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": config.len(), "digest": digest(&config)},
            "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": layer.len(), "digest": digest(&layer)}],
        });
        let manifest = manifest.to_string().into_bytes();
        let name = digest(&manifest);
        let mut answers = Answers::from([("/v2/".into(), ("application/json", b"{}".to_vec()))]);
        for blob in [layer, config] {
            answers.insert(format!("/v2/words/blobs/{}", digest(&blob)), ("application/octet-stream", blob));
        }
        for reference in ["1", &name] {
            answers.insert(format!("/v2/words/manifests/{reference}"), (MANIFEST, manifest.clone()));
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (addr, asked) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<String>>>::default());
        let heard = Arc::clone(&asked);
        // It ends with the process of the tests.
        thread::spawn(move || {
            let answers = Arc::new(answers);
            for stream in listener.incoming().map_while(Result::ok) {
                let (answers, heard) = (Arc::clone(&answers), Arc::clone(&heard));
                thread::spawn(move || answer(&stream, &answers, &heard));
            }
        });
        Self { addr, digest: name, asked }
    }

    /// The image `name` of this registry.
    pub(crate) fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.addr)
    }

    /// What was asked for so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(mut stream: &TcpStream, answers: &Answers, heard: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    let mut words = first.split(' ');
    // TLS begins otherwise: who tries that is hung up on.
    let (Some(method @ ("GET" | "HEAD")), Some(path)) = (words.next(), words.next()) else { return };
    while lines.next().is_some_and(|line| !line.is_empty()) {}
    heard.lock().unwrap().push(path.to_owned());
    let refused = (
        "application/json",
        br#"{"errors": [{"code": "DENIED", "message": "requested access to the resource is denied"}]}"#.to_vec(),
    );
    let (status, (kind, body)) = match answers.get(path) {
        Some(found) => ("200 OK", found),
        None => ("403 Forbidden", &refused),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nDocker-Content-Digest: {}\r\n\
         Docker-Distribution-Api-Version: registry/2.0\r\nConnection: close\r\n\r\n",
        body.len(),
        digest(body)
    );
    // Whoever hangs up has heard enough.
    let _ = stream.write_all(head.as_bytes());
    if method == "GET" {
        let _ = stream.write_all(body);
    }
}

fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
