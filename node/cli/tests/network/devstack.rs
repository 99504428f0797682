//! The table through the API and through the command line, against nodes of another process.

use bacalhau_api_client::ApiClient;
use bacalhau_job::{Deal, InputSpec, JobRecord, JobSpec, Request, Sharding, SignedRequest};
use bacalhau_runtime::{Job, Options, Runtime};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libp2p::identity::Keypair;
use serde_json::Value;

use crate::stack::Stack;
use crate::table::{Line, TABLE};
use bacalhau_testkit::{guests::HELLO_AND_ARGS, within};

/// Asks `stack` for a job of two shards by the API alone.
fn through_the_api(stack: &Stack, line: Line) -> JobRecord {
    let module = Runtime::new(&Options::default()).unwrap().load(HELLO_AND_ARGS.as_bytes()).unwrap().cid();
    let input = |shard: u8| InputSpec { source: format!("data:,{shard}"), target: format!("/inputs/{shard}") };
    let spec = JobSpec {
        inputs: vec![input(0), input(1)],
        sharding: Some(Sharding { glob_pattern: "/*".into(), base_path: "/inputs".into(), batch_size: 1 }),
        timeout_seconds: 60,
        ..JobSpec::wasm(
            format!("data:;base64,{}", STANDARD.encode(HELLO_AND_ARGS)),
            Job::new(module),
            Deal::new(line.nodes, line.confidence).unwrap().with_min_bids(line.nodes),
        )
    };
    let key = Keypair::generate_ed25519();
    let request = SignedRequest::sign(Request { spec, nonce: "1".into() }, &key).unwrap();
    let client = ApiClient::new(&stack.node.api, key);
    within(move || {
        let id = client.submit(&request).unwrap().to_string();
        // Events go on until the job has ended.
        assert!(client.follow_events(&id, 0).unwrap().map(Result::unwrap).count() > 0);
        client.job(&id).unwrap().record
    })
}

/// Asks `stack` by the command, and checks what that says.
fn on_the_command_line(stack: &Stack, line: Line) {
    let Line { nodes, bad, confidence, .. } = line;
    let end = stack.run(&format!(
        "wasm run program.wat -c {nodes} --confidence {confidence} --min-bids {nodes} --output json \
         --output-dir out-{nodes}-{bad}-{confidence}"
    ));
    assert_eq!(end.code, if line.stands() { 0 } else { 5 }, "{line:?} {end:#?}");
    let report = end.json();
    assert_eq!(report["verified"], line.passed > 0, "{line:?} {report:#}");
    assert_eq!(report["verdict"]["rule"], serde_json::to_value(line.rule).unwrap(), "{line:?} {report:#}");
    let groups: Vec<usize> =
        list(&report["verdict"]["groups"]).map(|group| list(&group["executions"]).count()).collect();
    assert_eq!(groups, line.groups(), "{line:?} {report:#}");
    let lost = list(&report["executions"]).filter(|run| run["state"] == "Lost").count();
    let won = if line.stands() { line.passed.max(1) } else { 0 };
    assert_eq!(lost, usize::from(nodes) - won, "{line:?} {report:#}");
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap().iter()
}

#[test]
fn the_table_of_votes_through_the_api_and_on_the_command_line() {
    let mut stacks: Vec<(u16, u16)> = TABLE.iter().map(|line| (line.nodes, line.bad)).collect();
    stacks.dedup();
    for (nodes, bad) in stacks {
        let stack = Stack::of(nodes, bad);
        for line in TABLE.into_iter().filter(|line| (line.nodes, line.bad) == (nodes, bad)) {
            line.check(&through_the_api(&stack, line), 2);
            on_the_command_line(&stack, line);
        }
    }
}

#[test]
fn where_results_differ_is_described_by_file() {
    let stack = Stack::of(3, 1);
    let end = stack.run("wasm run program.wat -c 3 --min-bids 3 --output json --output-dir out");
    assert_eq!(end.code, 0, "{end:#?}");
    let job = end.json()["job"].as_str().unwrap().to_owned();
    let end = stack.run(&format!("describe {job} --output json"));
    assert_eq!(end.code, 0, "{end:#?}");
    let description = end.json();
    let shard = &description["shards"][0];
    let findings: Vec<&Value> = list(&shard["findings"]).collect();
    assert_eq!(findings.len(), 1, "{description:#}");
    let loser = list(&shard["executions"]).find(|execution| execution["state"] == "Lost").unwrap();
    assert_eq!((&findings[0]["execution"], &findings[0]["against"]), (&loser["number"], &shard["published"]));
    let files: Vec<&str> = list(&findings[0]["differences"])
        .filter_map(|difference| difference["what"].as_str()?.strip_prefix("file "))
        .collect();
    assert_eq!(files, ["stdout"], "{description:#}");
    let shown = stack.run(&format!("describe {job}"));
    assert!(shown.stdout.contains("stdout"), "{shown:#?}");
}

#[test]
fn fewer_nodes_than_runs_give_no_verdict_unless_the_job_accepts_fewer() {
    let stack = Stack::with(3, 0, "--bidding-time 3s");
    let end = stack.run("wasm run program.wat -c 5 --output-dir strict");
    assert_eq!(end.code, 5, "{end:#?}");
    let why = "accepted 3/5 after 3 s: not enough providers offered to run it";
    assert!(end.stderr.contains(why) && end.stderr.contains("with -c or --min-runs 3"), "{end:#?}");
    let end = stack.run("wasm run program.wat -c 5 --min-runs 3 --output-dir lenient");
    assert_eq!(end.code, 0, "{end:#?}");
    assert!(end.stdout.contains("verified: 3 of 3 independent runs agree, 5 were asked for"), "{end:#?}");
    assert!(end.stdout.contains("runs       5 asked, 3 with a result"), "{end:#?}");
    let end = stack.run("wasm run program.wat -c 5 --min-runs 6");
    assert!(end.code == 2 && end.stderr.contains("lower min_runs"), "{end:#?}");
}
