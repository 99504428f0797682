//! What the receipt of a container says, and what can be done with it.

use serde_json::Value;

use crate::engine::Engine;
use bacalhau_testkit::{Lab, finish};

#[test]
fn a_receipt_is_checked_by_running_the_container_again() {
    let Some(engine) = Engine::shared("receipts of containers") else { return };
    let lab = Lab::new();
    lab.write("in/a", "1\n");
    let flags = "-i ./in -w /tmp -e A=b --memory 32m --output-dir out";
    let report = engine.report(&lab, 0, flags, "cat /inputs/a; pwd; echo $A; echo 2 > /outputs/two");
    let verify = |flags: &str| {
        let line = format!("verify out/receipt.json --output json {flags}");
        let mut command = lab.command_of("client", &line);
        command.env("TMPDIR", lab.path("."));
        finish(command, &line)
    };
    let here = format!("--docker-host {}", engine.host());
    let end = verify(&here);
    let answer: Value = serde_json::from_str(&end.stdout).unwrap();
    assert_eq!(
        (end.code, &answer["same"], &answer["found_h1"]),
        (0, &true.into(), &report["claim"]["h1"]),
        "{}",
        end.stderr
    );
    assert_eq!(engine.containers(&lab.path(".")), [""; 0], "it is removed");

    // Without an engine, signatures and files are checked, and it is said what is missing.
    let end = verify("--docker-host unix:///no/such.sock");
    let answer: Value = serde_json::from_str(&end.stdout).unwrap();
    assert_eq!((end.code, &answer["same"]), (4, &false.into()));
    assert!(answer["not_run"].as_str().unwrap().contains("no container engine"), "{answer}");
    assert_eq!(answer["signed_by"].as_array().unwrap().len(), 1);
    lab.write("out/results/outputs/two", "3\n");
    let end = verify("--docker-host unix:///no/such.sock");
    assert_eq!(end.code, 6, "{}", end.stdout);
    lab.write("out/results/outputs/two", "2\n");

    // Other data, another result.
    lab.write("other/a", "9\n");
    let end = verify(&format!("{here} -i other:/inputs"));
    assert!(end.code == 3 && end.stderr.contains("the job requires"), "{} {}", end.code, end.stderr);
}

#[test]
fn a_receipt_that_names_another_container_is_refused() {
    let Some(engine) = Engine::shared("forged receipts of containers") else { return };
    let lab = Lab::new();
    engine.report(&lab, 0, "-c 1 --output-dir out", "echo honest");
    let text = std::fs::read_to_string(lab.path("out/receipt.json")).unwrap();
    for (name, from, to) in
        [("args", "echo honest", "echo forged"), ("image", "\"image\": \"sha256:", "\"image\": \"x@sha256:")]
    {
        let mut receipt: Value = serde_json::from_str(&text).unwrap();
        let container = receipt["unclaimed"]["container"].clone();
        let forged = serde_json::to_string_pretty(&container).unwrap().replace(from, to);
        assert_ne!(forged, serde_json::to_string_pretty(&container).unwrap(), "{name}");
        receipt["unclaimed"]["container"] = serde_json::from_str(&forged).unwrap();
        lab.write("forged.json", receipt.to_string());
        let line = format!("verify forged.json --docker-host {}", engine.host());
        let end = finish(lab.command_of("client", &line), &line);
        assert!(end.code == 3 && end.stderr.contains("the claim is about"), "{name}: {} {}", end.code, end.stderr);
    }
}
