//! Containers on nodes that serve.

use bacalhau_job::{EventKind, JobState};
use serde_json::json;

use crate::engine::Engine;
use bacalhau_testkit::{Lab, Node, finish, until, watch::Watch};

/// A node that runs containers by the engine at `host`.
fn serve(lab: &Lab, name: &str, host: &str, flags: &str) -> Node {
    lab.serve(name, &format!("--docker-host {host} --job-selection-data-locality anywhere {flags}"))
}

/// Has `node` run a script, and says the name of the job.
fn submit(lab: &Lab, engine: &Engine, node: &Node, flags: &str, script: &str) -> String {
    let line = format!("docker run tiny:1 --id-only --docker-host {} --api-host {} {flags}", engine.host(), node.api);
    let mut command = lab.command_of("client", &line);
    command.args(["--", "sh", "-c", script]);
    let end = finish(command, &line);
    assert_eq!(end.code, 0, "{}", end.stderr);
    end.stdout.trim().to_owned()
}

#[test]
fn nodes_agree_and_one_without_an_engine_says_so_and_does_not_bid() {
    let Some(engine) = Engine::shared("nodes with containers") else { return };
    let lab = Lab::new();
    lab.write("in/a.txt", "b\na\n");
    let first = serve(&lab, "a", &engine.host(), "");
    let peer = format!("--peer {}", first.peer);
    let second = serve(&lab, "b", &engine.host(), &peer);
    let without = serve(&lab, "c", "unix:///no/such.sock", &peer);
    let said = "runs no containers and does not bid";
    assert_eq!(without.log().matches(said).count(), 1, "{}", without.log());
    assert!(first.log().contains("containers are run by docker") && !first.log().contains(said), "{}", first.log());
    let line = format!(
        "docker run tiny:1 --docker-host {} --api-host {} -i in:/inputs -c 2 --min-bids 2 --output json --output-dir out",
        engine.host(),
        first.api
    );
    let mut command = lab.command_of("client", &line);
    command.args(["--", "sh", "-c", "sort /inputs/a.txt > /outputs/sorted"]);
    let end = finish(command, &line);
    assert_eq!(end.code, 0, "{}\n{}", end.stderr, first.log());
    let report: serde_json::Value = serde_json::from_str(&end.stdout).unwrap();
    assert_eq!(report["verified"], true);
    assert_eq!(std::fs::read_to_string(lab.path("out/results/outputs/sorted")).unwrap(), "a\nb\n");
    let job = report["job"].as_str().unwrap();
    let record = first.client().job(job).unwrap().record;
    let bidders: Vec<String> = record.shards[0].bids.iter().map(|bid| bid.peer.to_string()).collect();
    assert!(bidders.len() == 2 && bidders.contains(&first.id) && bidders.contains(&second.id), "{bidders:?}");
    let described = lab.expect(0, &format!("describe {job} --api-host {}", first.api)).stdout;
    assert!(
        described.contains("determinism of the container is not enforced") && described.contains("image"),
        "{described}"
    );
    // It runs programs of the sandbox all the same.
    lab.expect(0, &format!("wasm run hello.wat --api-host {} -c 3 --min-bids 3 --output-dir out2", first.api));
}

#[test]
fn a_container_of_a_killed_node_is_removed_when_it_starts_again_and_the_job_goes_on() {
    let Some(engine) = Engine::shared("containers of killed nodes") else { return };
    let lab = Lab::new();
    let mut node = serve(&lab, "a", &engine.host(), "");
    let job = submit(&lab, &engine, &node, "-c 1", "echo begun; sleep 5; echo done");
    until("the container", || engine.containers(&lab.path("a")) == ["running"]);
    node.kill();
    assert_eq!(engine.containers(&lab.path("a")).len(), 1, "nobody could end it");
    node.again(&lab);
    let ended = Watch::begin(&node, &job).end(&node);
    ended.assert_state(JobState::Completed);
    until("no container", || engine.containers(&lab.path("a")).is_empty());
}

#[test]
fn a_job_that_is_cancelled_takes_its_container_with_it_and_its_log_is_read_meanwhile() {
    let Some(engine) = Engine::shared("cancelled containers") else { return };
    let lab = Lab::new();
    let node = serve(&lab, "a", &engine.host(), "");
    let job = submit(&lab, &engine, &node, "-c 2 --min-bids 1", "echo begun; sleep 1000");
    let mut watch = Watch::begin(&node, &job);
    watch.until_all(EventKind::Running, 1);
    until("the log", || lab.run_of("client", &format!("logs {job} --api-host {}", node.api)).stdout.contains("begun"));
    assert!(engine.containers(&lab.path("a")).contains(&"running".to_owned()));
    lab.expect(0, &format!("cancel {job} --api-host {}", node.api));
    watch.end(&node).assert_state(JobState::Cancelled);
    until("no container", || engine.containers(&lab.path("a")).is_empty());
}

#[test]
fn a_node_that_is_told_to_stop_at_once_leaves_no_container_for_long() {
    let Some(engine) = Engine::shared("containers of nodes that stop") else { return };
    let lab = Lab::new();
    let mut node = serve(&lab, "a", &engine.host(), "");
    let job = submit(&lab, &engine, &node, "-c 1", "sleep 2; echo done");
    until("the container", || engine.containers(&lab.path("a")) == ["running"]);
    node.signal(rustix::process::Signal::TERM);
    assert_eq!(node.code(), 0, "what runs is finished: {job}\n{}", node.log());
    assert_eq!(engine.containers(&lab.path("a")), [""; 0]);
}

#[test]
fn a_node_that_loses_its_engine_fails_what_runs_and_bids_no_more() {
    let Some(mut engine) = Engine::own("engines that go away") else { return };
    let lab = Lab::new();
    let node = serve(&lab, "a", &engine.host(), "--bidding-time 3s");
    let job = submit(&lab, &engine, &node, "-c 1", "echo begun; sleep 1000");
    until("the container", || engine.containers(&lab.path("a")) == ["running"]);
    let image = engine.docker(&["image", "inspect", "-f", "{{.Id}}", "tiny:1"]).unwrap().stdout;
    engine.stop();
    let ended = Watch::begin(&node, &job).end(&node);
    ended.assert_state(JobState::Failed);
    let execution = &ended.record.shards[0].executions[0];
    assert!(execution.h1.is_none() && execution.why.as_ref().unwrap().contains("the engine"), "{:?}", execution.why);
    // By digest, the command needs no engine.
    let line = format!("docker run {} --id-only -c 1 --api-host {}", image.trim(), node.api);
    let job = lab.expect(0, &line).stdout;
    let ended = Watch::begin(&node, job.trim()).end(&node);
    ended.assert_state(JobState::Failed);
    assert!(ended.record.shards[0].bids.is_empty(), "{:#?}", ended.texts());
}

#[test]
fn a_job_is_created_from_a_file() {
    let Some(engine) = Engine::shared("jobs with containers from files") else { return };
    let lab = Lab::new();
    let node = serve(&lab, "a", &engine.host(), "");
    lab.write("in/a", "x\n");
    let image = engine.docker(&["image", "inspect", "-f", "{{.Id}}", "tiny:1"]).unwrap().stdout;
    let spec = json!({
        "engine": {"docker": {"image": image.trim(), "args": ["sh", "-c", "cat /in/a; exit 3"], "limits": {"log_bytes": 100}}},
        "inputs": ["in:/in"], "deal": {"concurrency": 1}, "verifier": "noop",
        "resources": {"cpu_millis": 500, "memory_bytes": 32 << 20},
    });
    lab.write("job.json", spec.to_string());
    let described = lab.expect_json(10, &format!("create job.json --output json --api-host {}", node.api));
    let execution = &described["shards"][0]["executions"][0];
    assert_eq!(execution["outcome"]["exit"], 3, "{described:#}");
    let limits = &execution["receipt"]["claim"]["job"]["limits"];
    assert_eq!((&limits["log_bytes"], &limits["memory_bytes"]), (&100.into(), &(32 << 20).into()));
}
