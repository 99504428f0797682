//! What the operator of a provider sees of its work: the log, and the list of its executions.

use serde_json::Value;

use bacalhau_testkit::{Lab, Node, until};

/// The list of executions of a node, as it is answered to `query`.
fn executions(node: &Node, query: &str) -> Value {
    let text = ureq::get(format!("{}/api/v1/executions{query}", node.api)).call().unwrap().body_mut().read_to_string();
    serde_json::from_str(&text.unwrap()).unwrap()
}

fn lines<'a>(log: &'a str, words: &str) -> Vec<&'a str> {
    log.lines().filter(|line| line.contains(words)).collect()
}

#[test]
fn a_provider_logs_its_work_and_lists_its_executions() {
    let lab = Lab::new();
    let requester = lab.serve("requester", "--compute=false --bidding-time 2s");
    let provider = lab.serve("provider", &format!("--peer {}", requester.peer));
    let job = lab.submit(&requester, "hello.wat -c 1 --private");
    let execution = format!("{job}:0:1");
    until("the execution is published", || executions(&provider, "")["executions"][0]["state"] == "Published");
    let log = provider.log();
    for words in ["bid on a job", "execution started", "execution ended", "group that won", "execution published"] {
        let found = lines(&log, words);
        assert!(found.len() == 1 && found[0].contains("INFO") && found[0].contains(&job), "{words}: {log}");
    }
    let ended = lines(&log, "execution ended")[0];
    for part in [&*execution, "seconds=", "outcome=\"exit 0\""] {
        assert!(ended.contains(part), "{part}: {ended}");
    }

    let listed = executions(&provider, &format!("?job={job}"));
    let found = &listed["executions"][0];
    assert_eq!((&found["id"], &found["requester"]), (&execution.as_str().into(), &requester.id.as_str().into()));
    assert_eq!(
        (&found["private"], &found["outcome"]),
        (&true.into(), &Value::Null),
        "only its owner sees it: {listed}"
    );
    assert!(found["started_ms"].as_u64() <= found["ended_ms"].as_u64(), "{listed}");
    assert_eq!(executions(&provider, "?state=Failed"), serde_json::json!({ "executions": [] }));
    assert_eq!(executions(&requester, "")["executions"], serde_json::json!([]), "it runs none");

    // Not for this node: said once, however often the job is announced.
    let end = lab
        .run_of("client", &format!("wasm run hello.wat -c 1 -i https://example.org/x:/x --api-host {}", requester.api));
    assert_ne!(end.code, 0, "{}", end.stderr);
    let log = provider.log();
    let declined = lines(&log, "no bid on a job");
    assert_eq!(declined.len(), 1, "{log}");
    for part in ["reason=no-input", "https://example.org/x is not on this machine"] {
        assert!(declined[0].contains(part), "{part}: {log}");
    }
}

#[test]
fn a_log_filter_shows_one_part_and_hides_another() {
    let lab = Lab::new();
    let requester = lab.serve("requester", "--compute=false --log-filter warn,bacalhau_daemon=debug");
    let provider = lab.serve("provider", &format!("--peer {} --log-filter bacalhau_daemon=off", requester.peer));
    let job = lab.submit(&requester, "hello.wat -c 1");
    until("the job has ended", || requester.client().job(&job).unwrap().record.state.is_final());
    assert!(requester.log().contains("bacalhau_daemon"), "{}", requester.log());
    assert!(!provider.log().contains("execution"), "{}", provider.log());
    let wrong = lab.run_of("client", "serve --log-filter bacalhau=loud");
    assert_eq!(wrong.code, 2, "{}", wrong.stderr);
    assert!(wrong.stderr.contains("--log-filter: log.filter: \"bacalhau=loud\" does not fit"), "{}", wrong.stderr);
}

#[test]
fn a_client_learns_why_there_are_no_bids() {
    let lab = Lab::new();
    let requester = lab.serve("requester", "--compute=false --bidding-time 4s");
    let lacking: Vec<Node> = ["one", "two"].map(|name| lab.serve(name, &format!("--peer {}", requester.peer))).into();
    let small = lab.serve("small", &format!("--peer {} --limit-job-memory 1MiB", requester.peer));
    until("all are connected", || {
        requester.client().nodes().unwrap().iter().filter(|node| node.connected).count() == 4
    });
    let line = format!("wasm run hello.wat -c 1 -i https://example.org/x:/x --api-host {}", requester.api);
    let end = lab.run_of("client", &line);
    assert_ne!(end.code, 0, "{}", end.stderr);
    let why = "3 nodes: 2 lack the input, 1 gives one job less than it asks for";
    assert!(end.stderr.contains(why), "{}", end.stderr);
    let job = requester.client().jobs(&bacalhau_api::ListParams::default()).unwrap().jobs[0].id.to_string();
    let described = lab.expect(0, &format!("describe {job} --api-host {}", requester.api));
    assert!(described.stdout.contains(why), "{}", described.stdout);
    drop((lacking, small));
}
