//! `bacalhau ipfs …`: the block store and its exchange, as people use them.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use bacalhau_testkit::{Lab, pattern};

/// A file of one raw block.
const HELLO_CID: &str = "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am";
/// The same as the `ipfs add` of old has it.
const HELLO_V0: &str = "QmZULkCELmmk5XNfCgTnCyFgAVxBRBXyDHGGMVoLFLiXEN";
/// A block that nobody has.
const NOBODYS: &str = "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";

/// A tree with a file below, one of several blocks, and a link.
fn tree(lab: &Lab) {
    lab.write("tree/a.txt", "a\n");
    lab.write("tree/sub/ü b.txt", "bb\n");
    lab.write("tree/sub/big.bin", pattern(600_000, 1));
    std::os::unix::fs::symlink("a.txt", lab.path("tree/link")).unwrap();
}

fn stat(lab: &Lab, flags: &str) -> Value {
    lab.expect_json(0, &format!("ipfs stat --output json {flags}"))
}

#[test]
fn what_is_added_has_the_cid_that_kubo_gives_it() {
    let lab = Lab::new();
    lab.write("hello.txt", "hello\n");
    tree(&lab);
    let end = lab.expect(0, "ipfs add hello.txt");
    assert!(end.stdout.contains(&format!("cid        {HELLO_CID}\nsize       6 bytes in 1 block (kubo-cidv1)\n")));
    assert!(end.stdout.contains(&format!("bacalhau wasm run MODULE -i ipfs://{HELLO_CID}:/inputs")), "{}", end.stdout);
    assert_eq!(lab.add("hello.txt", "--import-profile unixfs-v0-2015"), HELLO_V0);
    let whole = lab.expect_json(0, "ipfs add tree --output json");
    assert_eq!((&whole["bytes"], &whole["blocks"], &whole["pinned"]), (&json!(600_005), &json!(9), &json!(true)));
    let before = stat(&lab, "");
    let other = lab.expect_json(0, "ipfs add tree --only-hash --import-profile unixfs-v1-2025 --output json");
    assert!(other["cid"] != whole["cid"] && other["pinned"] == false);
    assert_eq!(stat(&lab, ""), before, "only the hash was wanted");
    for (line, words) in [
        ("ipfs add nothing", "nothing does not exist"),
        ("ipfs add tree --import-profile mine", "unixfs-v1-2025"),
        ("ipfs add", "<PATH>"),
    ] {
        let end = lab.expect(2, line);
        assert!(end.stderr.contains(words), "{}", end.stderr);
    }
}

#[test]
fn a_tree_is_listed_and_comes_back_as_it_was() {
    let lab = Lab::new();
    tree(&lab);
    let cid = lab.add("tree", "");
    let list = lab.expect_json(0, &format!("ipfs ls ipfs://{cid} --output json"));
    let entries: Vec<_> =
        list["entries"].as_array().unwrap().iter().map(|entry| (&entry["name"], &entry["kind"])).collect();
    assert_eq!(json!(entries), json!([["a.txt", "file"], ["link", "link"], ["sub", "dir"]]));
    let below = lab.expect(0, &format!("ipfs ls /ipfs/{cid}/sub")).stdout;
    assert!(
        below.lines().next().unwrap().ends_with("  600,000  big.bin") && below.contains("        3  ü b.txt\n"),
        "{below}"
    );
    let one = lab.expect(0, &format!("ipfs ls {}", list["entries"][0]["cid"].as_str().unwrap())).stdout;
    assert!(one.ends_with("  2\n"), "{one:?}");
    let end = lab.expect(0, &format!("ipfs get {cid}"));
    assert!(end.stdout.contains(&format!("written    {cid}  (5 names, 585.9 KiB)\n")), "{}", end.stdout);
    assert_eq!(files(&lab, &cid), files(&lab, "tree"));
    assert_eq!(fs::read_link(lab.path(&format!("{cid}/link"))).unwrap().to_str(), Some("a.txt"));
    lab.expect(0, &format!("ipfs get {cid}/sub/big.bin"));
    assert!(fs::read(lab.path("big.bin")).unwrap() == pattern(600_000, 1));
    assert_eq!(lab.new_names(), [cid.as_str(), "big.bin", "tree"]);
}

fn files(lab: &Lab, dir: &str) -> BTreeMap<String, Vec<u8>> {
    let names = ["a.txt", "sub/ü b.txt", "sub/big.bin"];
    names.into_iter().map(|name| (name.to_owned(), fs::read(lab.path(dir).join(name)).unwrap())).collect()
}

#[test]
fn what_cannot_be_got_is_said_and_nothing_is_written() {
    let lab = Lab::new();
    tree(&lab);
    let cid = lab.add("tree", "");
    lab.write("taken", "mine");
    let table = [
        (2, format!("ipfs get {cid}/nope"), format!("error: there is no nope in {cid}\n")),
        (2, format!("ipfs get {cid} -o taken"), "error: cannot write to taken: something is there already".into()),
        (4, format!("ipfs get {cid}/link"), "error: a symbolic link by itself is not supported".into()),
        (4, format!("ipfs get {NOBODYS}"), format!("error: block {NOBODYS} is missing: it is not in the store, and")),
        (4, format!("ipfs export {NOBODYS}"), format!("error: block {NOBODYS} is missing")),
        (4, format!("ipfs pin add {NOBODYS}"), format!("error: block {NOBODYS} is missing")),
        (2, format!("ipfs export {cid}/nope"), format!("error: there is no nope in {cid}\n")),
        (2, format!("ipfs get {}", &cid[..40]), "is not a CID".into()),
        (2, format!("ipfs get {cid}/../x"), "must not be `.`, `..` or empty".into()),
        (2, "ipfs get ipns://example.org".into(), "is a name that can change".into()),
        (
            2,
            format!("ipfs get {cid} --ipfs-connect nobody"),
            "--ipfs-connect: nobody is not a valid peer address".into(),
        ),
    ];
    for (code, line, words) in table {
        let end = lab.expect(code, &line);
        assert!(end.stderr.contains(&words) && end.stdout.is_empty(), "{line}: {}", end.stderr);
    }
    assert_eq!(lab.new_names(), ["taken", "tree"]);
    assert_eq!(lab.read("taken"), "mine");
}

#[test]
fn archives_go_out_and_in() {
    let lab = Lab::new();
    tree(&lab);
    let cid = lab.add("tree", "");
    lab.expect(0, &format!("ipfs export {cid} -o t.car"));
    let car = fs::read(lab.path("t.car")).unwrap();
    assert!(lab.command(&format!("ipfs export {cid} -o -")).output().unwrap().stdout == car);
    let other = "--data-dir other";
    let end = lab.expect(0, &format!("ipfs import t.car {other}"));
    assert!(end.stdout.contains(&format!("root       {cid}\nfrom       t.car  (9 blocks, ")), "{}", end.stdout);
    lab.expect(0, &format!("ipfs get {cid} -o back {other}"));
    assert_eq!(files(&lab, "back"), files(&lab, "tree"));
    // What is wrong with an archive, and what comes of it.
    lab.write("cut.car", &car[..car.len() - 1]);
    let mut corrupt = car.clone();
    *corrupt.last_mut().unwrap() ^= 1;
    lab.write("corrupt.car", &corrupt);
    for (code, archive, words) in [
        (4, "cut.car", "error: cut.car is malformed: it is truncated"),
        (4, "corrupt.car", "is corrupt: "),
        (4, "hello.wat", "error: hello.wat is malformed: its header is not one of an archive"),
        (2, "tree", "tree is a directory"),
        (2, "missing.car", "error: cannot open missing.car"),
    ] {
        let end = lab.expect(code, &format!("ipfs import {archive} --data-dir third"));
        assert!(end.stderr.contains(words), "{archive}: {}", end.stderr);
    }
    assert_eq!(lab.expect(0, "ipfs pin ls --data-dir third").stdout, "", "nothing of it is pinned");
}

#[test]
fn what_is_pinned_stays() {
    let lab = Lab::new();
    tree(&lab);
    let cid = lab.add("tree", "");
    lab.write("loose", pattern(100_000, 9));
    let loose = lab.add("loose", "--no-pin");
    assert_eq!(lab.expect(0, "ipfs pin ls").stdout, format!("{cid}  tree\n"));
    assert_eq!(stat(&lab, "")["blocks"], 10);
    let freed = lab.expect_json(0, "ipfs gc --output json");
    assert!(freed["freed_bytes"].as_u64().unwrap() >= 100_000, "{freed}");
    lab.expect(4, &format!("ipfs get {loose}"));
    lab.expect(0, &format!("ipfs get {cid} -o back"));
    lab.expect(0, &format!("ipfs pin rm {cid}"));
    let end = lab.expect(2, &format!("ipfs pin rm {cid}"));
    assert_eq!(end.stderr, format!("error: {cid} is not pinned: see bacalhau ipfs pin ls\n"));
    assert_eq!(lab.expect(0, &format!("ipfs pin add --name again {cid}")).stderr, format!("pinned {cid}\n"));
    assert_eq!(lab.expect_json(0, "ipfs pin ls --output json")["pins"], json!([{"cid": cid, "name": "again"}]));
    lab.expect(0, &format!("ipfs pin rm {cid}"));
    let end = lab.expect(0, "ipfs gc");
    assert!(end.stdout.contains("\nleft       0 bytes, 0 bytes of it pinned\n"), "{}", end.stdout);
    assert_eq!(stat(&lab, "")["blocks"], 0);
}

#[test]
fn a_node_serves_until_it_is_told_to_stop() {
    let lab = Lab::new();
    tree(&lab);
    let cid = lab.add("tree", "--data-dir serving");
    let mut serving = lab.serve_blocks("serving", "");
    let from = format!("--ipfs-connect {}", serving.peer);
    lab.expect(0, &format!("ipfs get {cid} -o back {from}"));
    assert_eq!(files(&lab, "back"), files(&lab, "tree"));
    assert_eq!(stat(&lab, "")["blocks"], 9, "what was fetched is kept");
    let nobody = lab.expect(4, &format!("ipfs get {NOBODYS} {from}")).stderr;
    assert!(nobody.starts_with(&format!("error: block {NOBODYS} is missing: bitswap: ")), "{nobody}");
    assert_eq!(nobody.matches(NOBODYS).count(), 1, "said once: {nobody}");
    let second = lab.expect(4, "ipfs serve --listen /ip4/127.0.0.1/tcp/0 --data-dir serving").stderr;
    assert!(second.contains(&format!("serving is served already at {}", serving.peer)), "{second}");
    // While it serves, others use the same store.
    lab.write("later", "later\n");
    let later = lab.add("later", "--data-dir serving");
    assert!(lab.expect(0, &format!("ipfs ls {later} {from}")).stdout.ends_with("  6\n"));
    let kill = Command::new("kill").args(["-INT", &serving.child.id().to_string()]).status().unwrap();
    assert!(kill.success() && serving.child.wait().unwrap().success());
    let gone = lab.expect(4, &format!("ipfs get {NOBODYS} {from}")).stderr;
    assert!(gone.contains("refused"), "{gone}");
}
