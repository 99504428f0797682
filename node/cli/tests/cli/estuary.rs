//! `--publisher estuary` and `bacalhau publications`, against the fake of a pinning service that has a real node behind it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use bacalhau_testkit::{
    End, Lab,
    pinning::delegate::Delegate,
    pinning::service::{Fault, Service, State, TOKEN},
};

const SOON: Duration = Duration::from_mins(1);

/// A lab, and a service.
struct Stage {
    lab: Lab,
    delegate: Arc<Delegate>,
    service: Service,
}

impl Stage {
    fn new() -> Self {
        let delegate = Delegate::start();
        let service = Service::start(&delegate, delegate.addrs());
        Self { lab: Lab::new(), delegate, service }
    }

    /// The command with the service in its environment.
    fn command(&self, line: &str) -> Command {
        let mut command = self.lab.command(line);
        command.env("BACALHAU_ESTUARY_ENDPOINT", self.service.endpoint()).env("BACALHAU_ESTUARY_TOKEN", TOKEN);
        command
    }

    fn expect(&self, code: i32, line: &str) -> End {
        let end = End::from(self.command(line).output().unwrap());
        assert_eq!(end.code, code, "{line}\n{}\n{}", end.stdout, end.stderr);
        assert!(!format!("{}{}", end.stdout, end.stderr).contains(TOKEN), "the token is nobody's to see");
        end
    }

    /// What the receipt says of the only publication.
    fn published(&self) -> Value {
        let published = self.lab.json("out/receipt.json")["unclaimed"]["published"].clone();
        assert_eq!(published.as_array().unwrap().len(), 1, "{published}");
        published[0].clone()
    }

    fn assert_pinned(&self, publication: &Value) {
        let cid: bacalhau_cas::Cid = publication["cid"].as_str().unwrap().parse().unwrap();
        let last = publication["steps"].as_array().unwrap().last().unwrap();
        assert_eq!(last["state"], "pinned", "{publication}");
        assert!(self.delegate.has(&cid), "every block is at the service");
    }
}

fn interrupt(child: &Child) {
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn a_run_ends_when_its_results_are_pinned() {
    let stage = Stage::new();
    let end = stage.expect(0, "wasm run hello.wat -c 3 --publisher estuary --output-dir out");
    // What docs/src/guide/publish.md shows.
    println!("{}\n{}", end.stderr, end.stdout);
    assert!(end.stdout.contains("\nestuary    pinned  request request/0001 at 127.0.0.1\n"), "{}", end.stdout);
    assert!(end.stderr.contains("estuary: pinning  request request/0001"), "{}", end.stderr);
    let published = stage.published();
    stage.assert_pinned(&published);
    assert_eq!(stage.service.pins().len(), 1, "losers and other winners publish nothing");
    let cid = published["cid"].as_str().unwrap();
    let h1 = stage.lab.json("out/receipt.json")["claim"]["h1"].as_str().unwrap().to_owned();
    stage.lab.expect(0, &format!("get {cid} --output-dir got"));
    assert_eq!(stage.lab.expect(0, "hash got/results").stdout, format!("{h1}\n"));
    let listed: Value = serde_json::from_str(&stage.lab.expect(0, "publications --output json").stdout).unwrap();
    assert_eq!(
        (&listed[0]["state"], &listed[0]["ended"], &listed[0]["h1"]),
        (&"pinned".into(), &true.into(), &h1.into())
    );
    let table = stage.lab.expect(0, "publications").stdout;
    assert!(table.starts_with("estuary-") && table.contains("  begun  to be pinned by 127.0.0.1\n"), "{table}");
    let error = stage.lab.expect(2, "publications nothing-like-it").stderr;
    assert!(error.contains("no publication has \"nothing-like-it\""), "{error}");
    stage.service.assert_strict();
}

#[test]
fn an_archive_is_uploaded_where_that_is_asked_for() {
    let stage = Stage::new();
    stage.service.change(State::take_archives);
    stage.lab.write("token", format!("{TOKEN}\n"));
    let endpoint = stage.service.endpoint();
    let flags = format!("--estuary-endpoint {endpoint} --estuary-token-file token --estuary-add-car true");
    let end = stage.lab.expect(0, &format!("wasm run hello.wat -c 1 -p estuary,local --output-dir out {flags}"));
    assert!(end.stderr.contains("estuary: uploaded  to 127.0.0.1"), "{}", end.stderr);
    let published = stage.lab.json("out/receipt.json")["unclaimed"]["published"].clone();
    assert_eq!((&published[0]["publisher"], &published[1]["publisher"]), (&"local".into(), &"estuary".into()));
    stage.assert_pinned(&published[1]);
    stage.service.assert_strict();
}

#[test]
fn what_is_not_taken_is_said_and_the_result_stands() {
    let stage = Stage::new();
    stage.service.fault(&[Fault::Status("403 Forbidden", "", "")]);
    let end = stage.expect(7, "wasm run hello.wat -c 1 --publisher estuary --output-dir out");
    assert!(end.stdout.contains("\nestuary    failed  the service rejects the access token"), "{}", end.stdout);
    assert_eq!(stage.lab.read("out/results/stdout"), "hello\n");
    stage.lab.expect(0, "verify out/receipt.json");
    assert!(stage.service.pins().is_empty());
}

#[test]
fn without_a_service_it_says_what_to_set_before_anything_runs() {
    let lab = Lab::new();
    let end = lab.expect(2, "wasm run hello.wat --publisher estuary --output-dir out");
    for words in ["BACALHAU_ESTUARY_ENDPOINT", "estuary.token_file", "Filebase, ipfs-cluster and `filecoin-pin daemon`"]
    {
        assert!(end.stderr.contains(words), "{}", end.stderr);
    }
    let end = lab.expect(2, "wasm run hello.wat -p estuary --estuary-endpoint http://127.0.0.1:1");
    assert!(end.stderr.contains("no token is: set BACALHAU_ESTUARY_TOKEN"), "{}", end.stderr);
    let secret = "--estuary-api-key s3cr3t/ä";
    let end = lab.expect(2, &format!("wasm run hello.wat -p estuary --estuary-endpoint http://127.0.0.1:1 {secret}"));
    assert!(end.stderr.contains("--estuary-api-key") && !end.stderr.contains("s3cr3t"), "{}", end.stderr);
    assert!(lab.new_names().is_empty());
}

#[test]
fn who_is_interrupted_goes_on_later_with_the_same_pin() {
    let stage = Stage::new();
    stage.service.change(|service| service.hold(true));
    let line = "wasm run hello.wat -c 1 --publisher estuary --output-dir out";
    let mut child = stage.command(line).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    said.by_ref().map(Result::unwrap).find(|line| line.starts_with("estuary: queued")).expect("it is in the queue");
    interrupt(&child);
    let rest: Vec<String> = said.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let how = rest.iter().find_map(|line| line.split_once("continue with: bacalhau ")).expect("it says how to go on").1;
    assert_eq!(stage.lab.read("out/results/stdout"), "hello\n");
    let listed: Value = serde_json::from_str(&stage.lab.expect(0, "publications --output json").stdout).unwrap();
    assert_eq!((&listed[0]["state"], &listed[0]["ended"]), (&"queued".into(), &false.into()));
    assert!(stage.lab.expect(0, "publications").stdout.contains("queued (continues)"));
    let end = stage.lab.expect(2, how);
    assert!(end.stderr.contains("BACALHAU_ESTUARY_ENDPOINT"), "{}", end.stderr);
    stage.service.change(|service| service.hold(false));
    let listed: Value = serde_json::from_str(&stage.expect(0, &format!("{how} --output json")).stdout).unwrap();
    stage.assert_pinned(&listed[0]["publication"]);
    assert_eq!(stage.service.asked("POST", "/psa/pins"), 1);
    stage.service.assert_strict();
}

#[test]
fn a_server_goes_on_after_the_job_and_describe_shows_it() {
    let stage = Stage::new();
    stage.service.change(|service| service.hold(true));
    let flags = "--host 127.0.0.1 --api-port 0 --swarm-port 0 --peer none --output json --data-dir served";
    let mut server = stage.command(&format!("serve {flags} --job-selection-data-locality anywhere"));
    let mut server = server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let said: Value =
        serde_json::Deserializer::from_reader(server.stdout.take().unwrap()).into_iter().next().unwrap().unwrap();
    let at = format!("--api-host {}", said["api"].as_str().unwrap());
    // The client knows of no service, and needs to know of none.
    let end = stage.lab.expect(0, &format!("wasm run hello.wat -c 1 -p estuary --output-dir out {at}"));
    let shown = ["begun  to be pinned by 127.0.0.1", "queued  request request/0001 at 127.0.0.1"];
    assert!(shown.iter().any(|line| end.stdout.contains(&format!("\nestuary    {line}\n"))), "{}", end.stdout);
    let job = stage.lab.expect_json(0, &format!("list --output json {at}"))[0]["id"].as_str().unwrap().to_owned();
    let describe = || stage.lab.expect(0, &format!("describe {job} {at}")).stdout;
    let until = |words: &str| {
        let began = Instant::now();
        while !describe().contains(words) {
            assert!(began.elapsed() < SOON, "{words}: {}", describe());
        }
    };
    until("  queued  request request/0001 at 127.0.0.1");
    stage.service.change(|service| service.hold(false));
    until("  pinned  request request/0001 at 127.0.0.1");
    // Another command of the same data directory sees it too, and leaves it to the server.
    stage.lab.expect(0, "publications --wait --data-dir served");
    interrupt(&server);
    assert!(server.wait().unwrap().success());
    stage.service.assert_strict();
    // A node that is set up for no service does not bid on such a job.
    let mut server = stage.lab.command(&format!("serve {flags} --stalled-time 100ms --bidding-time 2s"));
    let mut server = server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let said: Value =
        serde_json::Deserializer::from_reader(server.stdout.take().unwrap()).into_iter().next().unwrap().unwrap();
    let at = format!("--api-host {}", said["api"].as_str().unwrap());
    let end = stage.lab.run(&format!("wasm run hello.wat -c 1 -p estuary --output-dir none {at}"));
    assert!(end.code != 0 && !stage.lab.path("none").exists(), "{end:?}");
    interrupt(&server);
    server.wait().unwrap();
}
