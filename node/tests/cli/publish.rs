//! `--publisher` and `bacalhau get`: results find their way back, and nothing else does.

use std::fs;

use serde_json::{Value, json};

use crate::support::Room;

/// Runs and publishes; what the receipt says of it.
fn publish(room: &Room, flags: &str) -> Value {
    room.expect(0, &format!("wasm run hello.wat -c 1 --output-dir out {flags}"));
    let published = room.json("out/receipt.json")["unclaimed"]["published"].clone();
    assert_eq!(published.as_array().unwrap().len(), 1, "{published}");
    published[0].clone()
}

/// The receipt of `out` with its results at `places` and nowhere else.
fn with_places(room: &Room, name: &str, places: &[&str]) {
    let mut receipt = room.json("out/receipt.json");
    receipt["unclaimed"]["published"][0]["places"] = json!(places);
    room.write(name, receipt.to_string());
}

fn h1(room: &Room) -> String {
    room.json("out/receipt.json")["claim"]["h1"].as_str().unwrap().to_owned()
}

fn assert_got(room: &Room, dir: &str) {
    assert_eq!(room.list(dir), ["receipt.cbor", "receipt.json", "results"]);
    assert_eq!(room.expect(0, &format!("hash {dir}/results")).stdout, format!("{}\n", h1(room)));
    assert_eq!(room.read(&format!("{dir}/results/stdout")), "hello\n");
}

#[test]
fn results_come_back_from_a_directory_and_over_http() {
    let room = Room::new();
    let serving = room.serve(".node", "--http 127.0.0.1:0");
    let published = publish(&room, "--publisher local");
    let [path, url] = [0, 1].map(|place| published["places"][place].as_str().unwrap());
    assert!(published["publisher"] == "local" && url.starts_with(&serving.http), "{published}");
    let end = room.expect(0, "get out/receipt.json --output-dir got");
    assert!(end.stdout.contains(&format!("h1         {}\nfrom       {path}\n", h1(&room))), "{}", end.stdout);
    assert_got(&room, "got");
    room.expect(0, "verify got/receipt.json");
    with_places(&room, "remote.json", &[url]);
    let answer = room.expect_json(0, "get remote.json --output-dir got --output json --private-addresses");
    assert_eq!((&answer["from"], &answer["output_dir"], &answer["files"]), (&json!(url), &json!("got"), &json!(3)));
    assert_got(&room, "got");
    // Without --output-dir, the name that the run itself would have taken.
    room.expect(0, "get remote.json --private-addresses");
    let named = room.new_names().into_iter().find(|name| name.starts_with("bacalhau-")).unwrap();
    assert_got(&room, &named);
}

#[test]
fn what_was_tampered_with_is_refused_and_the_next_place_is_tried() {
    let room = Room::new();
    let _serving = room.serve(".node", "--http 127.0.0.1:0");
    let published = publish(&room, "--publisher local");
    let [path, url] = [0, 1].map(|place| published["places"][place].as_str().unwrap());
    let copy = room.path("copy/results");
    fs::create_dir_all(&copy).unwrap();
    for name in room.list("out/results") {
        let from = room.path("out/results").join(&name);
        if from.is_file() {
            fs::copy(from, copy.join(&name)).unwrap();
        } else {
            fs::create_dir(copy.join(&name)).unwrap();
        }
    }
    fs::write(std::path::Path::new(path).join("stdout"), "hellO\n").unwrap();
    let end = room.expect(4, "get out/receipt.json --output-dir got");
    let begins = format!("error: nobody has the results of the receipt ({path}: these are other results");
    assert!(end.stderr.starts_with(&begins) && end.stderr.contains(&format!("; {url}: ")), "{}", end.stderr);
    assert!(!room.path("got").exists());
    with_places(&room, "more.json", &[path, "http://127.0.0.1:1/x", copy.to_str().unwrap()]);
    let answer = room.expect_json(0, "get more.json --output-dir got --output json");
    assert_eq!(answer["from"], copy.to_str().unwrap());
    assert_got(&room, "got");
    assert_eq!(room.new_names(), ["copy", "got", "more.json", "out"]);
}

#[test]
fn results_come_back_over_bitswap() {
    let room = Room::new();
    let serving = room.serve(".node", "");
    let published = publish(&room, "--publisher ipfs");
    let cid = published["cid"].as_str().unwrap();
    assert_eq!(published["publisher"], "ipfs");
    assert_eq!(published["import_profile"], "kubo-cidv1");
    assert_eq!(published["places"], json!([serving.peer]));
    assert_eq!(room.expect(0, "ipfs pin ls").stdout, format!("{cid}  results\n"));
    // Whoever has the receipt finds the peer in it.
    let answer = room.expect_json(0, "get out/receipt.cbor --data-dir n2 --output-dir got --output json");
    assert_eq!((&answer["cid"], &answer["h1"]), (&json!(cid), &json!(h1(&room))));
    assert_got(&room, "got");
    room.expect(0, &format!("get {cid} --data-dir n3 --ipfs-connect {} --output-dir by-cid", serving.peer));
    assert_eq!(room.list("by-cid"), ["results"]);
    assert_eq!(room.expect(0, "hash by-cid/results").stdout, format!("{}\n", h1(&room)));
    drop(serving);
    let end = room.expect(4, "get out/receipt.json --data-dir n4 --output-dir none");
    assert!(end.stderr.contains("error: nobody has the results of the receipt (ipfs: block "), "{}", end.stderr);
    assert!(end.stderr.contains("cannot connect to /ip4/127.0.0.1/tcp/"), "{}", end.stderr);
    let end = room.expect(4, &format!("get {cid} --data-dir n4 --output-dir none"));
    assert!(end.stderr.contains("is missing: it is not in the store"), "{}", end.stderr);
    assert!(!room.path("none").exists());
}

#[test]
fn get_says_what_it_cannot_get() {
    let room = Room::new();
    room.expect(0, "wasm run hello.wat -c 1 --output-dir out");
    room.write("taken/mine.txt", "");
    room.write("text.json", "{}");
    let file = room.add("hello.wat", "");
    for (code, line, words) in [
        (2, "get out/receipt.json --output-dir got".into(), "run the job with --publisher"),
        (2, "get missing.json --output-dir got".into(), "cannot find missing.json"),
        (3, "get text.json --output-dir got".into(), "text.json: "),
        (2, format!("get {file} --output-dir taken"), "cannot put results at taken: it holds \"mine.txt\""),
        (2, format!("get {file} --output-dir ."), "cannot put results at ."),
        (2, format!("get {file} --output-dir got"), "is a file"),
        (2, format!("get {} --output-dir got", &file[1..]), "cannot find "),
        (2, format!("get ipfs://{} --output-dir got", &file[..50]), "is not a CID"),
    ] {
        let end = room.expect(code, &line);
        assert!(end.stderr.starts_with("error: ") && end.stderr.contains(words), "{line}: {}", end.stderr);
    }
    assert_eq!(room.new_names(), ["out", "taken", "text.json"]);
}

#[test]
fn modules_and_inputs_by_cid_are_verified_by_cid() {
    let room = Room::new();
    room.write("tree/a.txt", "a\n");
    let (module, input) = (room.add("cat.wat", ""), room.add("tree", ""));
    room.expect(0, &format!("wasm validate {module}"));
    room.expect(0, &format!("wasm run ipfs://{module} -i {input}/a.txt:/a --stdin /a --output-dir out"));
    assert_eq!(room.read("out/results/stdout"), "a\n");
    let receipt = room.json("out/receipt.json");
    assert_eq!(receipt["unclaimed"]["module_source"], format!("ipfs://{module}"));
    assert_eq!(receipt["claim"]["job"]["inputs"]["/a"], format!("{input}/a.txt"));
    assert_eq!(receipt["unclaimed"]["input_sources"]["/a"], format!("ipfs://{input}/a.txt"));
    assert!(room.expect(0, "verify out/receipt.json").stdout.contains("run        same"));
    let serving = room.serve(".node", "");
    room.expect(0, &format!("verify out/receipt.json --data-dir n2 --ipfs-connect {}", serving.peer));
    let end = room.expect(2, &format!("wasm run {input}"));
    assert!(end.stderr.contains("is a directory: name the .wasm or .wat file in it"), "{}", end.stderr);
}

#[test]
fn several_publish_at_once_and_noop_is_nobody() {
    let room = Room::new();
    room.expect(0, "wasm run hello.wat -c 1 --output-dir out -p noop");
    assert_eq!(room.json("out/receipt.json")["unclaimed"].get("published"), None, "nothing is published");
    assert!(!room.path(".node/published").exists());
    room.expect(0, "wasm run hello.wat -c 1 --output-dir out -p ipfs,local -p noop --publisher local");
    let published = room.json("out/receipt.json")["unclaimed"]["published"].clone();
    let names: Vec<_> = published.as_array().unwrap().iter().map(|it| it["publisher"].as_str().unwrap()).collect();
    assert_eq!(names, ["ipfs", "local"], "each once");
    // Either of them is enough to get them back.
    let path = published[1]["places"][0].as_str().unwrap();
    assert_eq!(fs::read_to_string(format!("{path}/stdout")).unwrap(), "hello\n");
    room.expect(0, &format!("get {} --output-dir got", published[0]["cid"].as_str().unwrap()));
    assert_eq!(room.expect(0, "hash got/results").stdout, format!("{}\n", h1(&room)));
    let end = room.expect(2, "wasm run hello.wat -p lotus");
    assert!(end.stderr.contains("[possible values: local, ipfs, filecoin, estuary, noop]"), "{}", end.stderr);
    assert_eq!(room.expect(0, "publications").stdout, "", "what is published at once is not listed");
}

#[test]
fn a_described_job_names_its_publishers_or_flags_do() {
    let room = Room::new();
    room.write("job.yaml", "engine: {wasm: {module: hello.wat}}\npublisher: ipfs\n");
    let planned = |flags: &str| {
        let line = format!("create job.yaml --dry-run --output json --api-host 127.0.0.1:1 {flags}");
        room.expect_json(0, &line)["publishers"].clone()
    };
    assert_eq!(planned(""), json!(["ipfs"]));
    assert_eq!(planned("-p estuary,local"), json!(["local", "estuary"]));
    assert_eq!(planned("-p noop"), Value::Null);
}
