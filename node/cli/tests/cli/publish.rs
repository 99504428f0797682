//! `--publisher` and `bacalhau get`: results find their way back, and nothing else does.

use std::fs;

use serde_json::{Value, json};

use bacalhau_testkit::Lab;

/// Runs and publishes; what the receipt says of it.
fn publish(lab: &Lab, flags: &str) -> Value {
    lab.expect(0, &format!("wasm run hello.wat -c 1 --output-dir out {flags}"));
    let published = lab.json("out/receipt.json")["unclaimed"]["published"].clone();
    assert_eq!(published.as_array().unwrap().len(), 1, "{published}");
    published[0].clone()
}

/// The receipt of `out` with its results at `places` and nowhere else.
fn with_places(lab: &Lab, name: &str, places: &[&str]) {
    let mut receipt = lab.json("out/receipt.json");
    receipt["unclaimed"]["published"][0]["places"] = json!(places);
    lab.write(name, receipt.to_string());
}

fn h1(lab: &Lab) -> String {
    lab.json("out/receipt.json")["claim"]["h1"].as_str().unwrap().to_owned()
}

fn assert_got(lab: &Lab, dir: &str) {
    assert_eq!(lab.list(dir), ["receipt.cbor", "receipt.json", "results"]);
    assert_eq!(lab.expect(0, &format!("hash {dir}/results")).stdout, format!("{}\n", h1(lab)));
    assert_eq!(lab.read(&format!("{dir}/results/stdout")), "hello\n");
}

#[test]
fn results_come_back_from_a_directory_and_over_http() {
    let lab = Lab::new();
    let serving = lab.serve_blocks("client", "--http 127.0.0.1:0");
    let published = publish(&lab, "--publisher local");
    let [path, url] = [0, 1].map(|place| published["places"][place].as_str().unwrap());
    assert!(published["publisher"] == "local" && url.starts_with(&serving.http), "{published}");
    let end = lab.expect(0, "get out/receipt.json --output-dir got");
    assert!(end.stdout.contains(&format!("h1         {}\nfrom       {path}\n", h1(&lab))), "{}", end.stdout);
    assert_got(&lab, "got");
    lab.expect(0, "verify got/receipt.json");
    with_places(&lab, "remote.json", &[url]);
    let answer = lab.expect_json(0, "get remote.json --output-dir got --output json --private-addresses");
    assert_eq!((&answer["from"], &answer["output_dir"], &answer["files"]), (&json!(url), &json!("got"), &json!(3)));
    assert_got(&lab, "got");
    // Without --output-dir, the name that the run itself would have taken.
    lab.expect(0, "get remote.json --private-addresses");
    let named = lab.new_names().into_iter().find(|name| name.starts_with("bacalhau-")).unwrap();
    assert_got(&lab, &named);
}

#[test]
fn what_was_tampered_with_is_refused_and_the_next_place_is_tried() {
    let lab = Lab::new();
    let _serving = lab.serve_blocks("client", "--http 127.0.0.1:0");
    let published = publish(&lab, "--publisher local");
    let [path, url] = [0, 1].map(|place| published["places"][place].as_str().unwrap());
    let copy = lab.path("copy/results");
    fs::create_dir_all(&copy).unwrap();
    for name in lab.list("out/results") {
        let from = lab.path("out/results").join(&name);
        if from.is_file() {
            fs::copy(from, copy.join(&name)).unwrap();
        } else {
            fs::create_dir(copy.join(&name)).unwrap();
        }
    }
    fs::write(std::path::Path::new(path).join("stdout"), "hellO\n").unwrap();
    let end = lab.expect(4, "get out/receipt.json --output-dir got");
    let begins = format!("error: no source has the results of the receipt ({path}: the fetched results differ");
    assert!(end.stderr.starts_with(&begins) && end.stderr.contains(&format!("; {url}: ")), "{}", end.stderr);
    assert!(!lab.path("got").exists());
    with_places(&lab, "more.json", &[path, "http://127.0.0.1:1/x", copy.to_str().unwrap()]);
    let answer = lab.expect_json(0, "get more.json --output-dir got --output json");
    assert_eq!(answer["from"], copy.to_str().unwrap());
    assert_got(&lab, "got");
    assert_eq!(lab.new_names(), ["copy", "got", "more.json", "out"]);
}

#[test]
fn results_come_back_over_bitswap() {
    let lab = Lab::new();
    let serving = lab.serve_blocks("client", "");
    let published = publish(&lab, "--publisher ipfs");
    let cid = published["cid"].as_str().unwrap();
    assert_eq!(published["publisher"], "ipfs");
    assert_eq!(published["import_profile"], "kubo-cidv1");
    assert_eq!(published["places"], json!([serving.peer]));
    assert_eq!(lab.expect(0, "ipfs pin ls").stdout, format!("{cid}  results\n"));
    // Whoever has the receipt finds the peer in it.
    let answer = lab.expect_json(0, "get out/receipt.cbor --data-dir n2 --output-dir got --output json");
    assert_eq!((&answer["cid"], &answer["h1"]), (&json!(cid), &json!(h1(&lab))));
    assert_got(&lab, "got");
    lab.expect(0, &format!("get {cid} --data-dir n3 --ipfs-connect {} --output-dir by-cid", serving.peer));
    assert_eq!(lab.list("by-cid"), ["results"]);
    assert_eq!(lab.expect(0, "hash by-cid/results").stdout, format!("{}\n", h1(&lab)));
    drop(serving);
    let end = lab.expect(4, "get out/receipt.json --data-dir n4 --output-dir none");
    assert!(end.stderr.contains("error: no source has the results of the receipt (ipfs: block "), "{}", end.stderr);
    assert!(end.stderr.contains("cannot connect to /ip4/127.0.0.1/tcp/"), "{}", end.stderr);
    let end = lab.expect(4, &format!("get {cid} --data-dir n4 --output-dir none"));
    assert!(end.stderr.contains("is missing: it is not in the store"), "{}", end.stderr);
    assert!(!lab.path("none").exists());
}

#[test]
fn get_says_what_it_cannot_get() {
    let lab = Lab::new();
    lab.expect(0, "wasm run hello.wat -c 1 --output-dir out");
    lab.write("taken/mine.txt", "");
    lab.write("text.json", "{}");
    let file = lab.add("hello.wat", "");
    for (code, line, words) in [
        (2, "get out/receipt.json --output-dir got".into(), "run the job with --publisher"),
        (2, "get missing.json --output-dir got".into(), "cannot find missing.json"),
        (3, "get text.json --output-dir got".into(), "text.json: "),
        (2, format!("get {file} --output-dir taken"), "cannot put results at taken: it contains \"mine.txt\""),
        (2, format!("get {file} --output-dir ."), "cannot put results at ."),
        (2, format!("get {file} --output-dir got"), "is a file"),
        (2, format!("get {} --output-dir got", &file[1..]), "cannot find "),
        (2, format!("get ipfs://{} --output-dir got", &file[..50]), "is not a CID"),
    ] {
        let end = lab.expect(code, &line);
        assert!(end.stderr.starts_with("error: ") && end.stderr.contains(words), "{line}: {}", end.stderr);
    }
    assert_eq!(lab.new_names(), ["out", "taken", "text.json"]);
}

#[test]
fn modules_and_inputs_by_cid_are_verified_by_cid() {
    let lab = Lab::new();
    lab.write("tree/a.txt", "a\n");
    let (module, input) = (lab.add("cat.wat", ""), lab.add("tree", ""));
    lab.expect(0, &format!("wasm validate {module}"));
    lab.expect(0, &format!("wasm run ipfs://{module} -i {input}/a.txt:/a --stdin /a --output-dir out"));
    assert_eq!(lab.read("out/results/stdout"), "a\n");
    let receipt = lab.json("out/receipt.json");
    assert_eq!(receipt["unclaimed"]["module_source"], format!("ipfs://{module}"));
    assert_eq!(receipt["claim"]["job"]["inputs"]["/a"], format!("{input}/a.txt"));
    assert_eq!(receipt["unclaimed"]["input_sources"]["/a"], format!("ipfs://{input}/a.txt"));
    assert!(lab.expect(0, "verify out/receipt.json").stdout.contains("run        same"));
    let serving = lab.serve_blocks("client", "");
    lab.expect(0, &format!("verify out/receipt.json --data-dir n2 --ipfs-connect {}", serving.peer));
    let end = lab.expect(2, &format!("wasm run {input}"));
    assert!(end.stderr.contains("is a directory: name the .wasm or .wat file in it"), "{}", end.stderr);
}

#[test]
fn several_publish_at_once_and_noop_is_nobody() {
    let lab = Lab::new();
    lab.expect(0, "wasm run hello.wat -c 1 --output-dir out -p noop");
    assert_eq!(lab.json("out/receipt.json")["unclaimed"].get("published"), None, "nothing is published");
    assert!(!lab.path("client/published").exists());
    lab.expect(0, "wasm run hello.wat -c 1 --output-dir out -p ipfs,local -p noop --publisher local");
    let published = lab.json("out/receipt.json")["unclaimed"]["published"].clone();
    let names: Vec<_> = published.as_array().unwrap().iter().map(|it| it["publisher"].as_str().unwrap()).collect();
    assert_eq!(names, ["ipfs", "local"], "each once");
    // Either of them is enough to get them back.
    let path = published[1]["places"][0].as_str().unwrap();
    assert_eq!(fs::read_to_string(format!("{path}/stdout")).unwrap(), "hello\n");
    lab.expect(0, &format!("get {} --output-dir got", published[0]["cid"].as_str().unwrap()));
    assert_eq!(lab.expect(0, "hash got/results").stdout, format!("{}\n", h1(&lab)));
    let end = lab.expect(2, "wasm run hello.wat -p lotus");
    assert!(end.stderr.contains("[possible values: local, ipfs, filecoin, estuary, pdp, s3, noop]"), "{}", end.stderr);
    let end = lab.expect(2, "wasm run hello.wat -c 1 -p s3");
    assert!(end.stderr.contains("--publisher s3 needs --publish-object-store s3://BUCKET/PREFIX"), "{}", end.stderr);
    let end = lab.expect(2, "wasm run hello.wat -c 1 -p pdp");
    assert!(
        end.stderr.contains("--pdp-url, --pdp-data-set") && end.stderr.contains("--pdp-key-file"),
        "{}",
        end.stderr
    );
    assert_eq!(lab.expect(0, "publications").stdout, "", "what is published at once is not listed");
}

#[test]
fn a_described_job_names_its_publishers_or_flags_do() {
    let lab = Lab::new();
    lab.write("job.yaml", "engine: {wasm: {module: hello.wat}}\npublisher: ipfs\n");
    let planned = |flags: &str| {
        let line = format!("create job.yaml --dry-run --output json --api-host 127.0.0.1:1 {flags}");
        lab.expect_json(0, &line)["publishers"].clone()
    };
    assert_eq!(planned(""), json!(["ipfs"]));
    assert_eq!(planned("-p estuary,local"), json!(["local", "estuary"]));
    assert_eq!(planned("-p noop"), Value::Null);
}
