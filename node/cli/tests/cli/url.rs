//! Modules and inputs from a web server, also from a bad one.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bacalhau_http::Reach;
use bacalhau_storage::{Fetching, Source, Storage, UrlStorage};

use crate::server::Server;
use bacalhau_testkit::{Lab, guests::HELLO};

#[test]
fn modules_and_inputs_come_from_urls_and_are_found_again() {
    let lab = Lab::new();
    let server = Server::start(HELLO);
    let (module, input) = (server.url("/file/hello.wat"), server.url("/redirect"));
    let line = format!("wasm run {module} -i {input}:/data/in -i {} --output-dir out", server.url("/file/b.csv?x=1"));
    let end = lab.expect(0, &line);
    assert!(end.stderr.contains(&format!("fetching {module}\n")), "{}", end.stderr);
    let receipt = lab.json("out/receipt.json");
    assert_eq!(receipt["unclaimed"]["module_source"], module);
    assert_eq!(receipt["unclaimed"]["input_sources"]["/data/in"], input);
    assert!(receipt["claim"]["job"]["inputs"]["/inputs/b.csv"].as_str().unwrap().starts_with("bafkrei"));
    // Only the receipt names these now, and its writer is not known.
    let end = lab.expect(4, "verify out/receipt.json");
    assert!(end.stderr.contains("add --private-addresses"), "{}", end.stderr);
    lab.expect(0, "verify out/receipt.json --private-addresses");
    lab.expect(0, &format!("wasm validate {module}"));
    assert_eq!(lab.new_names(), ["out"]);
}

#[test]
fn a_password_in_a_url_is_not_recorded() {
    let lab = Lab::new();
    let server = Server::start("data");
    let url = server.url("/file/a").replace("http://", "http://user:secret@");
    let end = lab.expect(0, &format!("wasm run hello.wat -i {url} --output-dir out"));
    assert!(!(end.stdout + &end.stderr + &lab.read("out/receipt.json")).contains("secret"));
    let url = server.url("/nothing").replace("http://", "http://user:secret@");
    assert!(!lab.expect(4, &format!("wasm run hello.wat -i {url}")).stderr.contains("secret"));
}

#[test]
fn a_file_that_is_not_the_one_meant_is_not_read() {
    let lab = Lab::new();
    let server = Server::start("hello");
    let digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let url = format!("{}#sha256={digest}", server.url("/file/a"));
    lab.expect(0, &format!("wasm run hello.wat -i {url} --output-dir out"));
    assert_eq!(lab.json("out/receipt.json")["unclaimed"]["input_sources"]["/inputs/a"], url);
    lab.expect(0, "verify out/receipt.json --private-addresses");
    let other = url.replace("2cf2", "2cf3");
    let end = lab.expect(4, &format!("wasm run hello.wat -i {other}"));
    assert!(end.stderr.contains(&format!("its SHA-256 is {digest}")), "{}", end.stderr);
}

#[test]
fn what_goes_wrong_is_said_and_leaves_nothing() {
    let lab = Lab::new();
    let server = Server::start("some bytes");
    let table = [
        ("/nothing", "the server answered 404 Not Found"),
        ("/error", "the server answered 500 Internal Server Error"),
        ("/packed", "the server sent it encoded (gzip)"),
        ("/no-content", "the server answered 204 No Content, and only 200 OK"),
        ("/truncated", "it broke off after 10 of 110 bytes"),
        ("/circle", "it redirects more than 5 times"),
        ("/huge", "allow more with --input-bytes"),
        ("/endless", "allow more with --input-bytes"),
    ];
    for (path, words) in table {
        let url = server.url(path);
        let end = lab.expect(4, &format!("wasm run hello.wat -i {url} --input-bytes 1m --output-dir out"));
        assert!(end.stderr.contains(words) && end.stderr.contains(&url), "{path}: {}", end.stderr);
    }
    let end = lab.expect(4, "wasm run http://127.0.0.1:1/x.wasm");
    assert!(end.stderr.contains("cannot fetch http://127.0.0.1:1/x.wasm"), "{}", end.stderr);
    assert!(lab.new_names().is_empty());
}

/// What the storage says while it fetches: bytes so far, and in total.
type Heard = Arc<Mutex<Vec<(u64, Option<u64>)>>>;

fn storage(dir: &tempfile::TempDir, heard: &Heard) -> UrlStorage {
    let heard = Arc::clone(heard);
    UrlStorage::new(Fetching {
        max_bytes: 1 << 20,
        patience: Duration::from_millis(100),
        reach: Reach::Named,
        spool_dir: dir.path().into(),
        progress: Arc::new(move |received, total| heard.lock().unwrap().push((received, total))),
    })
}

#[test]
fn a_fetched_file_is_a_tree_that_cleans_up_after_itself() {
    let dir = tempfile::tempdir().unwrap();
    let heard = Arc::default();
    let storage = storage(&dir, &heard);
    let source = Source::parse(&Server::start("some bytes").url("/file/a")).unwrap();
    assert!(!storage.has_locally(&source).unwrap());
    assert_eq!(storage.size(&source).unwrap(), Some(10));
    let tree = storage.open(&source).unwrap().tree;
    assert_eq!(tree.stat("").unwrap().size, 10);
    assert_eq!(heard.lock().unwrap().last(), Some(&(10, Some(10))));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    drop(tree);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn patience_ends() {
    let dir = tempfile::tempdir().unwrap();
    let storage = storage(&dir, &Arc::default());
    let server = Server::start("some bytes");
    for path in ["/silent", "/mute"] {
        let error = storage.open(&Source::parse(&server.url(path)).unwrap()).unwrap_err().to_string();
        assert!(error.contains("the server was silent for 0.1 s"), "{path}: {error}");
    }
    assert_eq!(storage.size(&Source::parse(&server.url("/nothing")).unwrap()).unwrap(), None);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
