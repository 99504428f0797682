//! What an operator is told before a node is started, and scripts of Bacalhau 0.3.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use bacalhau_testkit::{Lab, guests::HELLO_AND_ARGS};

/// Ports that the system selects, so that no other node of this machine is in the way.
const PORTS: &str = "[api]\nlisten = \"127.0.0.1:0\"\n[swarm]\nlisten = [\"/ip4/127.0.0.1/tcp/0\"]\n";

#[test]
fn a_first_configuration_is_written_once_checked_and_used() {
    let lab = Lab::new();
    let flags =
        "--data-dir site --name n7 --labels zone=a --labels gpu=yes --limit-total-cpu 1 --listen /ip4/127.0.0.1/tcp/0";
    let end = lab.run(&format!("serve --init site.toml {flags}"));
    // The address of the API may be in use on this machine; the file is written in any case.
    assert!([0, 4].contains(&end.code), "{end:#?}");
    assert!(end.stdout.contains("wrote site.toml") && end.stdout.contains("bids on jobs with"), "{end:#?}");
    let text = lab.read("site.toml");
    assert!(text.contains("\nname = \"n7\"\n") && text.contains("\nlabels = [\"zone=a\", \"gpu=yes\"]\n"), "{text}");
    assert!(text.contains("\n# enabled = true\n"), "the other keys are there with their defaults: {text}");
    assert_eq!(lab.path("site.toml").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let shown = lab.expect(0, "config show --origin --config site.toml").stdout;
    assert!(shown.lines().any(|line| line.starts_with("total_cpu = \"1\"") && line.contains("site.toml:")), "{shown}");
    let again = lab.expect(2, "serve --init site.toml");
    assert!(
        again.stderr.contains("exists and is not replaced") && again.stderr.contains("bacalhau doctor"),
        "{again:#?}"
    );
    let ports = lab.expect(2, "serve --init other.toml --api-port 5");
    assert!(ports.stderr.contains("api.listen"), "{ports:#?}");
}

#[test]
fn the_doctor_finds_what_would_prevent_a_start() {
    let lab = Lab::new();
    lab.write("good.toml", PORTS);
    let end = lab.expect_json(0, "doctor --config good.toml --output json");
    assert!(end["bids_on"][0].as_str().unwrap().contains("WebAssembly"), "{end:#}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let bad = format!(
        "[api]\nlisten = \"{}\"\n[storage]\nfilecoin_unsealed_path = \"/no/such/place/{{{{.Cid}}}}\"\n[swarm]\nlisten = [\"/ip4/127.0.0.1/tcp/0\"]\n",
        taken.local_addr().unwrap()
    );
    lab.write("bad.toml", bad);
    let end = lab.expect(4, "doctor --config bad.toml");
    assert!(
        end.stdout.contains("is in use by another process") && end.stdout.contains("change api.listen"),
        "{end:#?}"
    );
    assert!(end.stdout.contains("cannot read /no/such/place of storage.filecoin_unsealed_path"), "{end:#?}");
    let node = lab.serve("node", "");
    let port = node.api.rsplit_once(':').unwrap().1;
    let own = format!(
        "[node]\ndata_dir = \"node\"\n[api]\nlisten = \"127.0.0.1:{port}\"\n[swarm]\nlisten = [\"/ip4/127.0.0.1/tcp/0\"]\n"
    );
    lab.write("own.toml", own);
    let end = lab.run_of("node", "doctor --config own.toml");
    assert!(end.code == 0 && end.stdout.contains("a node serves this data directory"), "{end:#?}");
}

#[test]
fn scripts_of_0_3_do_what_they_did_or_are_told_what_to_write() {
    let lab = Lab::new();
    lab.write("program.wat", HELLO_AND_ARGS);
    lab.write("in/a.txt", "a");
    let planned = lab.expect_json(
        0,
        "wasm run program.wat --inputs in:/inputs --labels x --selector zone=a,!slow -c 2 --api-host 127.0.0.1:1 --dry-run --output json",
    );
    assert_eq!((&planned["labels"][0], &planned["selector"][1]["is"]), (&"x".into(), &"absent".into()), "{planned:#}");
    assert_eq!(planned["inputs"][0]["target"], "/inputs", "{planned:#}");
    lab.write("job.json", planned.to_string());
    assert!(lab.expect(0, "validate job.json").stdout.contains("job.json is a valid job"));
    lab.write("short.yaml", "engine: {wasm: {module: program.wat}}\nselector: 'zone in (a,b)'\n");
    lab.expect(0, "validate short.yaml");
    lab.write("wrong.yaml", "engine: {wasm: {module: program.wat}}\nselector: a=b=c\n");
    let wrong = lab.expect(2, "validate wrong.yaml");
    assert!(wrong.stderr.contains("is not a condition on a label"), "{wrong:#?}");
    let told = lab.expect(2, "wasm run --local program.wat");
    assert!(told.stderr.contains("note: --local was a flag of Bacalhau 0.3"), "{told:#?}");
    let server = lab.expect(2, "wasm run program.wat --selector zone=a");
    assert!(server.stderr.contains("--selector chooses among nodes of a network"), "{server:#?}");

    let node = lab.serve("node", "--labels zone=a --job-selection-data-locality anywhere");
    let at = format!("--api-host {}", node.api);
    let end = lab.expect(0, &format!("wasm run program.wat -c 1 --selector zone=a --download {at} --output-dir out"));
    assert!(end.stdout.contains("runs       1 asked, 1 with a result"), "{end:#?}");
    let job = lab.expect(0, &format!("list --sort-by created_at --no-style --hide-header -n 1 {at}")).stdout;
    let id = job.split_whitespace().nth(1).unwrap().to_owned();
    assert!(lab.expect(0, &format!("describe --spec {id} {at}")).stdout.contains("key: zone"));
    assert!(lab.expect(0, &format!("job history {id} {at}")).stdout.contains("Verdict"));
    assert!(lab.expect(0, &format!("job executions {id} {at}")).stdout.contains("Published"));
    let late = lab.run(&format!("wasm run program.wat -c 1 --selector zone=b --wait-timeout-secs 1 {at}"));
    assert_eq!(late.code, 4, "{late:#?}");
    assert!(late.stderr.contains("has not ended within 1 s (--wait-timeout-secs)"), "{late:#?}");
    assert!(late.stderr.contains("continues at"), "{late:#?}");
}
