//! Inputs that are mistyped or mean ill: a clear answer, and nothing left behind.

use std::fs;

use bacalhau_cas::{Block, Code, car::CarWriter};

use crate::server::Server;
use bacalhau_testkit::Lab;

const CID: &str = "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am";

#[test]
fn what_names_no_data_is_refused_before_anything_is_done() {
    let lab = Lab::new();
    let table = [
        (CID[..40].to_owned(), "is not a CID: "),
        (format!("ipfs://{}", CID.replace('a', "1")), "is not a CID: "),
        (format!("ipfs://{CID}/../../etc/passwd"), "names must not be `.`, `..` or empty"),
        (format!("/ipfs/{CID}/a//b"), "names must not be"),
        (format!("{CID}/./a"), "names must not be"),
        ("ipns://example.org".into(), "is a name that can change"),
        ("/ipns/example.org/a".into(), "is a name that can change"),
        ("ftp://host/key".into(), "ftp:// is not a source; write a local path, "),
        ("data:no-comma:/in".into(), "a data: URL is data:,TEXT or data:;base64,BASE64"),
        ("data:;base64,%:/in".into(), "a % has no two digits behind it"),
        ("data:,hello".into(), "has no file name: add its mount path"),
        ("http://host/a#sha256=12:/in".into(), "write #sha256= and 64 hexadecimal digits"),
        ("file://host/a".into(), "with three slashes"),
    ];
    for (input, words) in table {
        let end = lab.command("wasm run hello.wat --output-dir out -i").arg(&input).output().unwrap();
        let said = String::from_utf8(end.stderr).unwrap();
        assert_eq!(end.status.code(), Some(2), "{input}: {said}");
        assert!(said.starts_with("error: input ") || said.starts_with(&format!("error: {input}")), "{said}");
        assert!(said.contains(words) && said.lines().count() == 1, "{input}: {said}");
    }
    assert!(lab.new_names().is_empty() && !lab.path("client").exists() && !lab.path(".cache").exists());
}

#[test]
fn a_file_that_is_not_the_one_meant_leaves_nothing() {
    let lab = Lab::new();
    let url = Server::start("hello").url("/file/a");
    let end = lab.expect(4, &format!("wasm run cat.wat -i {url}#sha256={}:/in --output-dir out", "0".repeat(64)));
    assert!(end.stderr.contains(&url) && end.stderr.contains("2cf24dba5fb0a30e"), "{}", end.stderr);
    assert!(lab.new_names().is_empty(), "{:?}", lab.new_names());
    lab.expect(0, "wasm run cat.wat -c 1 -i data:text/plain,hello%20there:/in --stdin /in --output-dir out");
    assert_eq!(lab.read("out/results/stdout"), "hello there");
    let services = &lab.json("out/receipt.json")["unclaimed"]["input_services"]["/in"];
    assert_eq!((&services[0]["driver"], &services[0]["checked"]), (&"inline".into(), &"hashed".into()));
}

/// A directory node with one entry of any name, which leads to a raw block.
fn directory_of(name: &[u8]) -> (Block, Block) {
    let leaf = Block::of(Code::Raw, "stolen\n");
    let cid = leaf.cid().to_bytes();
    let field = |key: u8, bytes: &[u8]| [&[key, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    let link = [field(0x0a, &cid), field(0x12, name), vec![0x18, 7]].concat();
    (Block::of(Code::DagPb, [field(0x12, &link), field(0x0a, &[8, 1])].concat()), leaf)
}

#[test]
fn a_dag_writes_nothing_beside_where_it_goes() {
    let lab = Lab::new();
    for name in [&b".."[..], b".", b"a/../../b", b"/etc/x", b"a\0b", b""] {
        let (root, leaf) = directory_of(name);
        let mut car = CarWriter::new(Vec::new(), &[*root.cid()]).unwrap();
        for block in [&root, &leaf] {
            car.write(block).unwrap();
        }
        fs::write(lab.path("evil.car"), car.finish().unwrap()).unwrap();
        lab.expect(0, "ipfs import evil.car");
        let cid = root.cid();
        for line in [format!("ipfs get {cid} -o got"), format!("get {cid} --output-dir got"), format!("ipfs ls {cid}")]
        {
            let end = lab.expect(3, &line);
            assert!(end.stderr.contains("is malformed: ") && end.stderr.lines().count() == 1, "{line}: {}", end.stderr);
        }
        lab.expect(3, &format!("wasm run hello.wat --output-dir got -i {cid}:/in/x"));
        assert_eq!(lab.new_names(), ["evil.car"], "{name:?}");
    }
}
