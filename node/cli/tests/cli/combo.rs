//! One job over one CID, whoever hands it out: the claims are the same bytes. And what is said when one fails.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::gateway::Gateway;
use bacalhau_testkit::{Lab, pattern};

/// The job over `cid`, with data from where `flags` say and a store of its own; its receipt.
fn run(lab: &Lab, cid: &str, flags: &[&str]) -> Value {
    let line = format!("wasm run cat.wat -c 1 -i {cid}:/in --stdin /in/sub/big.bin --output-dir out");
    let end = lab.command(&line).args(flags).output().unwrap();
    assert!(end.status.success(), "{flags:?}: {}", String::from_utf8_lossy(&end.stderr));
    lab.json("out/receipt.json")
}

fn below(lab: &Lab, name: &str) -> String {
    lab.path(name).to_str().unwrap().to_owned()
}

#[test]
fn claims_are_the_same_bytes_whoever_serves() {
    let (lab, cid) = Lab::with_tree();
    fs::create_dir_all(lab.path(&format!("data/{cid}/sub"))).unwrap();
    for name in ["a.txt", "sub/big.bin"] {
        fs::copy(lab.path("tree").join(name), lab.path(&format!("data/{cid}/{name}"))).unwrap();
    }
    fs::copy(lab.path("tree.car"), lab.path(&format!("data/{cid}.car"))).unwrap();
    let (serving, gateway) = (lab.serve_blocks("maker", ""), Gateway::start(&lab.path("tree.car")));
    let (dir, car) = (below(&lab, "data/{{.Cid}}"), below(&lab, "data/{{.Cid}}.car"));
    let url = gateway.url("/car/{{.Cid}}");
    let table: [(&str, &str, &[&str]); 8] = [
        ("unsealed", "n1", &["--filecoin-unsealed-path", &dir]),
        ("unsealed", "n1", &["--filecoin-unsealed-path", &car]),
        ("ipfs", "maker", &[]),
        ("ipfs", "n2", &["--ipfs-connect", &serving.peer]),
        ("ipfs", "n3", &["--ipfs-connect", &serving.peer, "--ipfs-fetch", "eager"]),
        ("ipfs", "n4", &["--ipfs-connect", &gateway.url("")]),
        ("ipfs", "n5", &["--ipfs-connect", &gateway.url(""), "--ipfs-fetch", "eager"]),
        ("url", "n6", &["--cid-url", &url]),
    ];
    let mut claims = Vec::new();
    for (driver, store, flags) in table {
        let receipt = run(&lab, &cid, &[&["--data-dir", store], flags].concat());
        let services = receipt["unclaimed"]["input_services"]["/in"].as_array().unwrap();
        assert_eq!(services.len(), 1, "{services:?}");
        assert_eq!(json!([services[0]["driver"], services[0]["checked"]]), json!([driver, "verified"]), "{flags:?}");
        claims.push((fs::read(lab.path("out/results/stdout")).unwrap(), receipt["claim"].clone()));
    }
    assert!(claims[0].0 == pattern(600_000, 1));
    assert!(
        claims.iter().all(|claim| *claim == claims[0]),
        "{:?}",
        claims.iter().map(|claim| &claim.1).collect::<Vec<_>>()
    );
    assert_eq!(claims[0].1["job"]["inputs"]["/in"], cid);
    lab.expect(0, "verify out/receipt.json --data-dir n2");
    let nobody = lab.expect(4, "verify out/receipt.json --data-dir n9").stderr;
    assert!(nobody.contains(&format!("cannot read ipfs://{cid}")), "{nobody}");
}

/// `car` with one byte of its last leaf changed: the root and what is read first are sound.
fn spoil(car: &Path, target: &Path) {
    let mut bytes = fs::read(car).unwrap();
    let last = &pattern(600_000, 1)[599_000..];
    let at = bytes.windows(last.len()).rposition(|window| window == last).unwrap();
    bytes[at] ^= 1;
    fs::write(target, bytes).unwrap();
}

#[test]
fn what_breaks_in_the_middle_goes_on_elsewhere() {
    let (lab, cid) = Lab::with_tree();
    spoil(&lab.path("tree.car"), &lab.path(&format!("data/{cid}.car")));
    let (serving, car) = (lab.serve_blocks("maker", ""), below(&lab, "data/{{.Cid}}.car"));
    let sound = run(&lab, &cid, &["--data-dir", "maker"]);
    let receipt = run(&lab, &cid, &["--filecoin-unsealed-path", &car, "--ipfs-connect", &serving.peer]);
    assert_eq!(receipt["claim"], sound["claim"]);
    let services = receipt["unclaimed"]["input_services"]["/in"].as_array().unwrap();
    assert_eq!(json!([services[0]["driver"], services[1]["driver"]]), json!(["unsealed", "ipfs"]));
    let why = services[0]["failed"].as_str().unwrap();
    assert!(why.contains("is corrupt"), "{why}");
    assert_eq!((services.len(), &services[1]["failed"]), (2, &Value::Null));
    // Nobody goes on.
    let line = format!("wasm run cat.wat -i {cid}:/in --stdin /in/sub/big.bin --output-dir out2 --data-dir n2");
    let end = lab.command(&line).args(["--filecoin-unsealed-path", &car]).output().unwrap();
    let said = String::from_utf8(end.stderr).unwrap();
    assert_eq!(end.status.code(), Some(4), "{said}");
    assert!(said.contains("unsealed: ") && said.contains("is corrupt") && said.contains("; ipfs: "), "{said}");
    assert!(!lab.path("out2").exists());
}

#[test]
fn when_nobody_has_it_everybody_s_reason_is_said() {
    let (lab, cid) = Lab::with_tree();
    let serving = lab.serve_blocks("other", "");
    let dead = serving.peer.replace(serving.peer.split('/').nth(4).unwrap(), "1");
    let gateway = Gateway::start(&lab.path("cat.wat"));
    let connect = format!("{},{dead},{},/ip4/127.0.0.1/tcp/1", serving.peer, gateway.url(""));
    let (template, url) = (below(&lab, "data/{{.Cid}}"), gateway.url("/nothing/{{.Cid}}"));
    let line = format!("wasm run hello.wat -i {cid} --ipfs-connect {connect} --output-dir out");
    let end = lab.command(&line).args(["--filecoin-unsealed-path", &template, "--cid-url", &url]).output().unwrap();
    let said = String::from_utf8(end.stderr).unwrap();
    assert_eq!(end.status.code(), Some(4), "{said}");
    for words in [
        format!("cannot read ipfs://{cid} (unsealed: there is no copy at "),
        "; ipfs: block ".into(),
        "does not have it; ".into(),
        format!("cannot connect to {dead}: Connection refused"),
        format!("gateway {}: ", gateway.url("")),
        "kubo /ip4/127.0.0.1/tcp/1: Connection refused".into(),
        "; url: ".into(),
        "404".into(),
    ] {
        assert!(said.contains(&words), "{words}\n{said}");
    }
    assert_eq!(lab.new_names(), ["data", "maker", "other", "tree", "tree.car"]);
}

#[test]
fn a_file_from_a_url_may_be_an_archive_itself() {
    let (lab, _) = Lab::with_tree();
    let archive = fs::read(lab.path("tree.car")).unwrap();
    let cid = lab.add("tree.car", "--data-dir other");
    // It answers with the archive for every CID.
    let gateway = Gateway::start(&lab.path("tree.car"));
    let line = format!("wasm run cat.wat -c 1 -i {cid}:/in/x --stdin /in/x --output-dir out --cid-url");
    let end = lab.command(&line).arg(gateway.url("/car/{{.Cid}}")).output().unwrap();
    assert!(end.status.success(), "{}", String::from_utf8_lossy(&end.stderr));
    assert!(fs::read(lab.path("out/results/stdout")).unwrap() == archive);
    let services = &lab.json("out/receipt.json")["unclaimed"]["input_services"]["/in/x"];
    assert_eq!(json!([services[0]["driver"], services[0]["checked"]]), json!(["url", "verified"]));
    let other = lab.add("hello.wat", "--data-dir other");
    let line = format!("wasm run cat.wat -c 1 -i {other}:/in/x --output-dir out2 --cid-url");
    let end = lab.command(&line).arg(gateway.url("/car/{{.Cid}}")).output().unwrap();
    let said = String::from_utf8(end.stderr).unwrap();
    assert!(end.status.code() == Some(4) && said.contains(&format!("does not hold {other}")), "{said}");
}
