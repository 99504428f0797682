//! Inputs and results in an S3 server of other people's.

use std::path::Path;
use std::process::Command;

use bacalhau_testkit::{Lab, Node, finish};
use serde_json::Value;

use crate::process::{Kind, Process};
use crate::support::contents;

const WORD_COUNT: &str = "wasm-examples/modules/word-count.wasm";

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The server with the example's texts in the bucket `data`, below `public`.
fn server() -> Option<Process> {
    let mut server = Process::start(Kind::S3)?;
    for bucket in ["data", "results"] {
        server.tell(&format!("bucket {bucket}"));
    }
    let texts = root().join("wasm-examples/data/texts");
    for name in contents(&texts).keys() {
        server.tell(&format!("put data public/texts/{} {}", name.display(), texts.join(name).display()));
    }
    // Consoles show a directory by an empty object.
    server.tell("marker data public/texts");
    Some(server)
}

fn with_keys<'c>(command: &'c mut Command, server: &Process) -> &'c mut Command {
    command
        .env("AWS_ENDPOINT_URL", &server.addr)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "key")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
}

fn run(lab: &Lab, server: &Process, line: &str) -> bacalhau_testkit::End {
    let mut command = lab.command(line);
    with_keys(&mut command, server);
    finish(command, line)
}

fn receipt(lab: &Lab, dir: &str) -> Value {
    lab.json(&format!("{dir}/receipt.json"))
}

#[test]
fn a_prefix_of_a_bucket_is_the_same_input_as_its_copy_on_the_disk() {
    let Some(mut server) = server() else { return };
    let lab = Lab::new();
    let module = root().join(WORD_COUNT);
    let texts = root().join("wasm-examples/data/texts");
    let job = |source: &str, dir: &str| {
        format!("wasm run {} -i {source}:/inputs --verifier deterministic --output-dir {dir}", module.display())
    };
    let end = run(&lab, &server, &job("s3://data/public/texts", "remote"));
    assert_eq!(end.code, 0, "{}", end.stderr);
    assert_eq!(lab.run(&job(&texts.display().to_string(), "local")).code, 0);
    let (remote, local) = (receipt(&lab, "remote"), receipt(&lab, "local"));
    assert_eq!(remote["claim"], local["claim"], "the claim has the content, not its place");
    let service = remote["unclaimed"].to_string();
    assert!(service.contains("s3://data/public/texts") && service.contains("object-store"), "{service}");

    // One object is a file.
    let name = contents(&texts).into_keys().next().unwrap();
    let source = format!("s3://data/public/texts/{}", name.display());
    let line = format!("wasm run {} -i {source}:/inputs/one --output-dir one", module.display());
    let end = run(&lab, &server, &line);
    assert_eq!(end.code, 0, "{}", end.stderr);

    // Results go to a bucket, and come back checked.
    let line =
        format!("{} --publisher s3 --publish-object-store s3://results/of", job("s3://data/public/texts", "sent"));
    let end = run(&lab, &server, &line);
    assert_eq!(end.code, 0, "{}", end.stderr);
    let keys = server.tell("keys results")["keys"].to_string();
    assert!(keys.contains("/results/stdout") && keys.contains("of/"), "{keys}");
    let place = receipt(&lab, "sent")["unclaimed"]["published"][0]["places"][0].as_str().unwrap().to_owned();
    assert!(place.starts_with("s3://results/of/"), "{place}");
    let end = run(&lab, &server, "get sent/receipt.json --output-dir back");
    assert_eq!(end.code, 0, "{}", end.stderr);
    assert_eq!(lab.read("back/results/stdout"), lab.read("sent/results/stdout"));

    for (source, why) in [
        ("s3://data/public/none", "cannot list s3://data/public/none: there is no such object, and none below it"),
        (
            "s3://no-such-bucket/x",
            "cannot list s3://no-such-bucket/x: the store answered NoSuchBucket: The specified bucket does not exist",
        ),
    ] {
        let end = run(&lab, &server, &job(source, "none"));
        assert!(end.code != 0 && end.stderr.contains(why), "{}", end.stderr);
    }
}

#[test]
fn a_node_reads_what_its_operator_allows_and_nothing_else() {
    let Some(mut server) = server() else { return };
    let lab = Lab::new();
    lab.write("secret", "secret");
    server.tell(&format!("put data private/secret {}", lab.path("secret").display()));
    let line = "serve --bidding-time 2s --data-dir node";
    let mut command = lab.command_of("node", line);
    with_keys(&mut command, &server).env("BACALHAU_OBJECT_STORES", "s3://data/public").arg("--output").arg("json");
    let node = Node::start(command, line.into(), lab.path("node.log"));
    let module = root().join(WORD_COUNT);
    let job = |source: &str, dir: &str| {
        format!(
            "wasm run {} -i {source}:/inputs -c 1 --min-bids 1 --api-host {} --output-dir {dir}",
            module.display(),
            node.api
        )
    };
    // The client has no credentials.
    let end = lab.run(&job("s3://data/public/texts", "allowed"));
    assert_eq!(end.code, 0, "{}\n{}", end.stderr, node.log());
    let end = lab.run(&job("s3://data/private/secret", "refused"));
    assert_ne!(end.code, 0, "{}", end.stdout);
    assert!(node.log().contains("not below a prefix that this node allows"), "{}\n{}", end.stderr, node.log());
}
