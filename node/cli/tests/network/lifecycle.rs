//! What a client does with a server, by the command: submits, watches, lists, takes back, keeps private. One network
//! serves all of it.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::thread;

use bacalhau_job::{EventKind, JobState};
use bacalhau_metrics::NAMES;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use bacalhau_testkit::{BOUND, End, Lab, Node, finish, guests, watch::Watch};

/// A network of three, and the client.
struct Stage {
    lab: Lab,
    stack: Node,
}

impl Stage {
    /// Adds where the server is.
    fn at(&self, line: &str) -> String {
        format!("{line} --api-host {}", self.stack.api)
    }

    fn ok(&self, line: &str) -> String {
        self.lab.expect(0, &self.at(line)).stdout
    }

    fn json(&self, line: &str) -> Value {
        self.lab.expect_json(0, &self.at(&format!("{line} --output json")))
    }

    /// As somebody else.
    fn stranger(&self, line: &str) -> End {
        self.lab.run_of("stranger", &self.at(line))
    }

    fn submit(&self, line: &str) -> String {
        self.lab.submit(&self.stack, line)
    }

    fn ended(&self, job: &str, state: JobState) {
        Watch::begin(&self.stack, job).end(&self.stack).assert_state(state);
    }

    fn listed(&self, line: &str) -> Vec<String> {
        let list = self.json(&format!("list {line}"));
        list.as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn the_life_of_jobs() {
    let lab = Lab::new();
    let stack = lab.node("stack", "devstack --nodes 3 --job-selection-data-locality anywhere");
    lab.write("long.wat", guests::ticks(40));
    let stage = Stage { lab, stack };
    nodes_and_clients_have_names(&stage);
    jobs_are_listed_and_described(&stage);
    logs_are_live_and_cancelling_is_the_owners(&stage);
    an_interrupted_command_says_that_the_job_goes_on(&stage);
    private_jobs_are_their_owners(&stage);
    jobs_come_from_files(&stage);
    health_and_metrics_are_told(&stage);
}

fn nodes_and_clients_have_names(stage: &Stage) {
    let id = stage.json("id");
    assert_eq!(id["node"], stage.stack.id.as_str());
    let other: Value = serde_json::from_str(&stage.stranger("id --output json").stdout).unwrap();
    assert_ne!(id["client"], other["client"]);
    bacalhau_testkit::until("the nodes know each other", || {
        stage.json("node list").as_array().unwrap().iter().filter(|node| node["connected"] == true).count() == 3
    });
    assert!(stage.ok("node list").contains(&stage.stack.id));
}

fn jobs_are_listed_and_described(stage: &Stage) {
    let first = stage.submit("hello.wat -l one -l both");
    let second = stage.submit("hello.wat -l two -l both --seed 2");
    stage.ended(&first, JobState::Completed);
    stage.ended(&second, JobState::Completed);
    assert_eq!(stage.listed(""), [second.as_str(), &first], "the newest first");
    assert_eq!(stage.listed("--reverse"), [first.as_str(), &second]);
    assert_eq!(stage.listed("-n 1"), [second.as_str()]);
    assert_eq!(stage.listed("-l one"), [first.as_str()]);
    assert_eq!(stage.listed(&format!("--id-filter {}", &second[3..20])), [second.as_str()]);
    assert_eq!(stage.listed("--state Completed --mine").len(), 2);
    assert!(stage.listed("--state Failed").is_empty());
    let table = stage.ok("list --hide-header");
    assert!(table.contains(&first[..8]) && !table.contains(&first) && !table.contains("CREATED"), "{table}");
    assert!(stage.ok("list --wide").contains(&first));

    let described = stage.json(&format!("describe {}", &first[..8]));
    assert_eq!(described["job"]["id"], first.as_str(), "{described}");
    let executions = described["shards"][0]["executions"].as_array().unwrap();
    assert_eq!(executions.len(), 3);
    let shown = stage.ok(&format!("describe {first}"));
    assert!(shown.contains("3 of 3 executions agree"), "{shown}");
    assert_eq!(stage.ok(&format!("logs {}", &first[..10])), "hello\n");
    stage.ok(&format!("get {} --output-dir got", &first[..8]));
    assert_eq!(std::fs::read_to_string(stage.lab.path("got/results/stdout")).unwrap(), "hello\n");
    let unknown = stage.lab.expect(2, &stage.at("describe aaaaaaaa")).stderr;
    assert!(unknown.contains("aaaaaaaa"), "{unknown}");
}

fn logs_are_live_and_cancelling_is_the_owners(stage: &Stage) {
    let job = stage.submit("long.wat --label long");
    Watch::begin(&stage.stack, &job).until("a program that runs", |event| event.kind == EventKind::Running);
    let mut follow = stage.lab.command_of("client", &stage.at(&format!("logs -f {job}")));
    let mut follow = follow.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let output = BufReader::new(follow.stdout.take().unwrap());
    let (send, lines) = channel();
    thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    for _ in 0..2 {
        assert_eq!(lines.recv_timeout(BOUND).as_deref(), Ok("tick"));
    }
    let state = stage.json(&format!("describe {job}"))["state"].clone();
    assert_eq!(state, "InProgress", "what it says is seen while it runs");
    assert_eq!(stage.listed("--state InProgress"), [job.as_str()]);

    let refused = stage.stranger(&format!("cancel {job}"));
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("only the client of a job may cancel it"), "{}", refused.stderr);
    stage.ok(&format!("cancel {}", &job[..8]));
    stage.ended(&job, JobState::Cancelled);
    assert!(stage.ok(&format!("describe {job}")).contains("cancelled by its client"));
    // The stream ends with the job.
    while lines.recv_timeout(BOUND).is_ok() {}
    follow.wait().unwrap();
    let completed = &stage.listed("--state Completed")[0];
    let late = stage.lab.expect(2, &stage.at(&format!("cancel {completed}")));
    assert!(late.stderr.contains("the job has already ended: Completed"), "{}", late.stderr);
    let nothing = stage.lab.expect(5, &stage.at(&format!("get {job} --output-dir cancelled")));
    assert!(nothing.stderr.contains("it is Cancelled"), "{}", nothing.stderr);
}

fn an_interrupted_command_says_that_the_job_goes_on(stage: &Stage) {
    stage.lab.write("long.yaml", "engine: {wasm: {module: long.wat, job: {seed: 3}}}\ndeal: {concurrency: 1}\n");
    for line in ["wasm run long.wat -c 1 -f --seed 2", "create long.yaml -f"] {
        let mut command = stage.lab.command_of("client", &stage.at(line));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut ticks = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(ticks.next().unwrap().unwrap(), "tick");
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let end: End = child.wait_with_output().unwrap().into();
        assert_eq!(end.code, 130, "{}", end.stderr);
        let job = stage.listed("--state InProgress")[0].clone();
        let note = format!("job {job} continues at {}: see it with ", stage.stack.api);
        assert!(end.stderr.contains(&note), "{}", end.stderr);
        // What it says is what helps.
        let cancel = end.stderr.split('`').find_map(|command| command.strip_prefix("bacalhau cancel")).unwrap();
        stage.lab.expect(0, &format!("cancel{cancel}"));
        stage.ended(&job, JobState::Cancelled);
    }
}

fn private_jobs_are_their_owners(stage: &Stage) {
    stage.lab.write("secret/word.txt", "swordfish\n");
    let job = stage.submit("hello.wat -i secret:/inputs --private");
    stage.ended(&job, JobState::Completed);
    let shown = stage.stranger(&format!("describe {job}"));
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    assert!(shown.stdout.contains("Completed") && shown.stdout.contains("private"), "{}", shown.stdout);
    let withheld = stage.stranger(&format!("describe {job} --output json")).stdout;
    let withheld: Value = serde_json::from_str(&withheld).unwrap();
    assert_eq!(withheld["withheld"], true);
    let spec = &withheld["job"]["request"]["request"]["spec"];
    assert!(inputs(&withheld).is_empty() && spec["engine"]["wasm"]["module"] == "", "{spec}");
    for verb in ["logs", "get"] {
        let refused = stage.stranger(&format!("{verb} {job}"));
        assert_eq!(refused.code, 2, "{verb}: {}", refused.stdout);
        assert!(refused.stderr.contains("the job is private"), "{}", refused.stderr);
        assert!(refused.stdout.is_empty(), "{}", refused.stdout);
    }
    assert_eq!(stage.ok(&format!("logs {job}")), "hello\n");
    let own = stage.json(&format!("describe {job}"));
    assert_eq!(inputs(&own).len(), 1, "{own}");
    stage.ok(&format!("get {job} --output-dir private"));
}

/// Those of a job as it is described.
fn inputs(described: &Value) -> Vec<Value> {
    described["job"]["request"]["request"]["spec"]["inputs"].as_array().cloned().unwrap_or_default()
}

fn jobs_come_from_files(stage: &Stage) {
    let text = "engine: {wasm: {module: hello.wat}}\ndeal: {concurrency: 3, confidence: 3}\nlabels: [from-a-file]\n";
    stage.lab.write("job.yaml", text);
    let ended = stage.lab.expect(0, &stage.at("create job.yaml"));
    assert!(ended.stderr.contains("3 of 3 agree") || ended.stdout.contains("3 of 3"), "{ended:?}");
    assert_eq!(stage.listed("-l from-a-file").len(), 1);

    let line = stage.at("create - --id-only");
    let mut command = stage.lab.command_of("client", &line);
    let (input, mut text_in) = std::io::pipe().unwrap();
    text_in.write_all(text.as_bytes()).unwrap();
    drop(text_in);
    command.stdin(input);
    let end = finish(command, &line);
    assert_eq!(end.code, 0, "{}", end.stderr);
    stage.ended(end.stdout.trim(), JobState::Completed);
    assert_eq!(stage.listed("-l from-a-file").len(), 2);
}

fn health_and_metrics_are_told(stage: &Stage) {
    // So that the first node bids on a job of another one.
    let other = &stage.stack.apis[1];
    stage.lab.expect(0, &format!("wasm run hello.wat --min-bids 3 --output-dir other --api-host {other}"));
    let get = |path: &str| {
        let mut answer = ureq::get(format!("{}{path}", stage.stack.api)).call().unwrap();
        answer.body_mut().read_to_string().unwrap()
    };
    for path in ["/livez", "/readyz", "/healthz"] {
        let told: Value = serde_json::from_str(&get(path)).unwrap();
        assert_eq!(told["ok"], true, "{path}: {told}");
    }
    let metrics = get("/metrics");
    for (name, _) in NAMES {
        // Nothing was refused.
        if name != "bacalhau_http_refused" {
            assert!(metrics.contains(&format!("# TYPE {name} ")), "{name}: {metrics}");
        }
    }
    let value = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name}: {metrics}")).to_owned()
    };
    let count = |name: &str| value(name).parse::<usize>().unwrap();
    let jobs = stage.listed("--all").len();
    assert_eq!(count("bacalhau_jobs_submitted_total"), jobs, "each is counted once");
    assert_eq!(count("bacalhau_jobs{state=\"Completed\"}") + count("bacalhau_jobs{state=\"Cancelled\"}"), jobs);
    assert!(count("bacalhau_run_seconds_count") > 0, "{metrics}");
    assert!(value("bacalhau_run_seconds_sum").parse::<f64>().unwrap() > 0.0, "{metrics}");
}
