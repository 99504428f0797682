//! Results with every kind of name that they may have come back whole by every way that there is.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use bacalhau_testkit::Lab;

/// Names that some server, client or shell takes for something else.
const NAMES: [&str; 35] = [
    ".hidden",
    "..data",
    "...",
    ".bacalhau-tmp-abcdef",
    "a b",
    " lead",
    "trail ",
    "dot.",
    "dots..",
    "%",
    "%2e",
    "%2e%2e",
    "%2f",
    "\u{fc}",
    "u\u{308}",
    "\u{85}",
    "\u{2028}",
    "\u{202e}",
    "\u{1f600}",
    "#?&",
    "a:b",
    "a;b=c,d",
    "~",
    "+",
    "'\"",
    "[x]",
    "{x}",
    "|^`",
    "<>",
    "*",
    "-",
    "CON",
    "@",
    "directories.json",
    "index.html",
];
const DIRECTORY: &str =
    r#"(import "wasi_snapshot_preview1" "path_create_directory" (func $mkdir (param i32 i32 i32) (result i32)))"#;
const OPEN: &str = r#"(import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))"#;
const WRITE: &str =
    r#"(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))"#;
const CLOSE: &str = r#"(import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))"#;
const LINK: &str =
    r#"(import "wasi_snapshot_preview1" "path_symlink" (func $symlink (param i32 i32 i32 i32 i32) (result i32)))"#;

/// A program in the making that leaves files and directories.
#[derive(Default)]
struct Program {
    data: String,
    calls: String,
    end: usize,
}

impl Program {
    /// Where `text` lies, and how long it is.
    fn text(&mut self, text: &str) -> String {
        let at = 1024 + self.end;
        let bytes: String = text.bytes().fold(String::new(), |mut all, byte| {
            write!(all, "\\{byte:02x}").unwrap();
            all
        });
        writeln!(self.data, "(data (i32.const {at}) \"{bytes}\")").unwrap();
        self.end += text.len();
        format!("(i32.const {at}) (i32.const {})", text.len())
    }

    fn directory(&mut self, path: &str) {
        let path = self.text(path);
        writeln!(self.calls, "(call $none (call $mkdir (i32.const 3) {path}))").unwrap();
    }

    fn file(&mut self, path: &str, content: &str) {
        let (path, content) = (self.text(path), self.text(content));
        writeln!(self.calls, "(call $put {path} {content})").unwrap();
    }

    fn link(&mut self, path: &str, target: &str) {
        let (path, target) = (self.text(path), self.text(target));
        writeln!(self.calls, "(call $none (call $symlink {target} (i32.const 3) {path}))").unwrap();
    }

    fn wat(&self) -> String {
        let Self { data, calls, .. } = self;
        format!(
            r#"(module {DIRECTORY} {OPEN} {WRITE} {CLOSE} {LINK}
            (memory (export "memory") 2)
            {data}
            (func $none (param $errno i32) (if (local.get $errno) (then unreachable)))
            (func $put (param $path i32) (param $length i32) (param $content i32) (param $bytes i32)
              (call $none (call $open (i32.const 3) (i32.const 0) (local.get $path) (local.get $length) (i32.const 1)
                (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 8)))
              (i32.store (i32.const 0) (local.get $content))
              (i32.store (i32.const 4) (local.get $bytes))
              (call $none (call $write (i32.load (i32.const 8)) (i32.const 0) (i32.const 1) (i32.const 12)))
              (call $none (call $close (i32.load (i32.const 8)))))
            (func (export "_start") {calls}))"#
        )
    }
}

/// All paths below `dir`, with the content of files.
fn tree(dir: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut pending = vec![String::new()];
    while let Some(below) = pending.pop() {
        for entry in fs::read_dir(dir.join(&below)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{below}{}", entry.file_name().into_string().unwrap());
            let is_dir = entry.file_type().unwrap().is_dir();
            assert!(is_dir || entry.file_type().unwrap().is_file(), "{path:?}");
            found.insert(path.clone(), (!is_dir).then(|| fs::read(entry.path()).unwrap()));
            if is_dir {
                pending.push(format!("{path}/"));
            }
        }
    }
    found
}

/// A program that leaves each of the names as a file, as a directory with something in it, and as an empty directory; and
/// a link, which results do not keep.
fn program() -> (String, BTreeMap<String, Option<Vec<u8>>>) {
    let mut program = Program::default();
    let mut expected = BTreeMap::new();
    for part in ["files", "directories", "empty"] {
        program.directory(&format!("out/{part}"));
        expected.insert(format!(".out/{part}"), None);
    }
    let long = ["x".repeat(255), "\u{fc}".repeat(127), "%".repeat(255)];
    for name in NAMES.into_iter().chain(long.iter().map(String::as_str)) {
        let content = if name == "a b" { "" } else { name };
        let [file, directory, empty] = ["files", "directories", "empty"].map(|part| format!("{part}/{name}"));
        program.file(&format!("out/{file}"), content);
        program.directory(&format!("out/{directory}"));
        program.file(&format!("out/{directory}/{name}"), "inner");
        program.directory(&format!("out/{empty}"));
        expected.insert(format!(".out/{file}"), Some(content.into()));
        expected.insert(format!(".out/{directory}"), None);
        expected.insert(format!(".out/{directory}/{name}"), Some("inner".into()));
        expected.insert(format!(".out/{empty}"), None);
    }
    program.link("out/link", "files");
    expected.insert(".out".into(), None);
    expected.extend([("stdout", ""), ("stderr", ""), ("exitCode", "0")].map(|(n, c)| (n.into(), Some(c.into()))));
    (program.wat(), expected)
}

#[test]
fn every_name_comes_back_by_every_way() {
    let lab = Lab::new();
    let (wat, expected) = program();
    lab.write("names.wat", wat);
    lab.write("data/.keep", "");
    let serving = lab.serve_blocks("client", "--http 127.0.0.1:0");
    let run = "wasm run names.wat -c 1 --output-volume .out:/out";
    lab.expect(0, &format!("{run} --output-dir out -p local,ipfs"));
    let receipt = lab.json("out/receipt.json");
    let h1 = receipt["claim"]["h1"].as_str().unwrap().to_owned();
    let published = &receipt["unclaimed"]["published"];
    let by = |name: &str| published.as_array().unwrap().iter().find(|it| it["publisher"] == name).unwrap().clone();
    let (local, ipfs) = (by("local"), by("ipfs"));
    let [path, url] = [0, 1].map(|place| local["places"][place].as_str().unwrap().to_owned());
    let with = |name: &str, publication: &Value, places: &[&str]| {
        let mut receipt = receipt.clone();
        receipt["unclaimed"]["published"] = json!([publication]);
        receipt["unclaimed"]["published"][0]["places"] = json!(places);
        lab.write(name, receipt.to_string());
    };
    with("path.json", &local, &[&path]);
    with("url.json", &local, &[&url]);
    with("peer.json", &ipfs, &[&serving.peer]);
    let cid = ipfs["cid"].as_str().unwrap();
    let from = format!("--data-dir other2 --ipfs-connect {}", serving.peer);
    let check = |way: &str, results: &str| {
        let found = tree(&lab.path(results));
        let missing: Vec<_> = expected.iter().filter(|(path, content)| found.get(*path) != Some(content)).collect();
        assert!(missing.is_empty(), "{way}: {missing:?}");
        assert_eq!(found.len(), expected.len(), "{way}: {:?}", found.keys());
        assert_eq!(lab.expect(0, &format!("hash {results}")).stdout, format!("{h1}\n"), "{way}");
    };
    check("the run", "out/results");
    lab.expect(0, "piece out/results --car whole.car");
    lab.expect(0, "ipfs import whole.car --data-dir other3");
    lab.expect(0, &format!("ipfs export {cid} -o exported.car"));
    lab.expect(0, "ipfs import exported.car --data-dir other4");
    for (way, line, results) in [
        ("a path", "get path.json --output-dir got1".to_owned(), "got1/results"),
        ("http", "get url.json --private-addresses --output-dir got2".into(), "got2/results"),
        ("bitswap", "get peer.json --data-dir other --output-dir got3".into(), "got3/results"),
        ("its CID", format!("get {cid} {from} --output-dir got4"), "got4/results"),
        ("ipfs get", format!("ipfs get {cid} -o got5"), "got5"),
        ("the archive of a deal", format!("get {cid} --data-dir other3 --output-dir got6"), "got6/results"),
        ("an archive", format!("get {cid} --data-dir other4 --output-dir got7"), "got7/results"),
    ] {
        lab.expect(0, &line);
        check(way, results);
    }
    let line = "serve --host 127.0.0.1 --api-port 0 --swarm-port 0 --data-dir server --output json";
    let mut node = lab.command(line).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let said = serde_json::Deserializer::from_reader(node.stdout.take().unwrap()).into_iter::<Value>().next();
    let api = said.unwrap().unwrap()["api"].as_str().unwrap().to_owned();
    lab.expect(0, &format!("{run} --api-host {api} --output-dir remote"));
    check("the server that ran it", "remote/results");
    node.kill().unwrap();
    node.wait().unwrap();
}
