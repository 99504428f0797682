//! `bacalhau verify`: same, different, altered, moved, signed, forged.

use std::fs;
use std::process::Stdio;

use bacalhau_identity::{Identity, receipts};
use bacalhau_runtime::Receipt;
use serde_json::Value;

use bacalhau_testkit::Lab;

fn room_with_receipt() -> Lab {
    let lab = Lab::new();
    lab.write("data/a.txt", "a");
    lab.expect(0, "wasm run echo.wat x -i data --output-dir out");
    lab
}

/// The receipt of `out` without signatures: what a claim says is looked at after who says it.
fn unsigned(lab: &Lab) -> Value {
    let mut receipt = lab.json("out/receipt.json");
    receipt.as_object_mut().unwrap().remove("signatures");
    receipt
}

#[test]
fn the_same_again_in_both_encodings_and_backends() {
    let lab = room_with_receipt();
    for line in ["verify out/receipt.json", "verify out/receipt.cbor", "verify out/receipt.json --tier interpreter"] {
        let end = lab.expect(0, line);
        assert!(end.stdout.contains("run        same: outcome, fuel and every file"), "{}", end.stdout);
        assert!(end.stdout.contains("results    same: "), "{}", end.stdout);
    }
    let answer = lab.expect_json(0, "verify out/receipt.json --output json");
    assert_eq!(answer["same"], true);
    assert_eq!(answer["h1"], answer["found_h1"]);
}

#[test]
fn a_receipt_from_standard_input_has_no_results_beside_it() {
    let lab = room_with_receipt();
    let receipt = fs::File::open(lab.path("out/receipt.cbor")).unwrap();
    let output = lab.command("verify - -q").stdin(Stdio::from(receipt)).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("run        same") && !said.contains("results"), "{said}");
    assert!(output.stderr.is_empty());
}

#[test]
fn a_false_claim_is_found() {
    let lab = room_with_receipt();
    let mut receipt = unsigned(&lab);
    receipt["claim"]["fuel"] = 1.into();
    receipt["claim"]["outcome"] = serde_json::json!({"exit": 3});
    receipt["claim"]["files"][2]["sha256"] = "00".into();
    lab.write("false.json", receipt.to_string());
    let end = lab.expect(6, "verify false.json");
    for words in
        ["run        different", "outcome: claimed exit 3, found exit 0", "fuel: claimed 1, found ", "file stdout: "]
    {
        assert!(end.stdout.contains(words), "{words}\n{}", end.stdout);
    }
    let answer = lab.expect_json(6, "verify false.json --output json");
    assert_eq!(answer["same"], false);
    assert_eq!(answer["differences"][0]["what"], "outcome");
}

#[test]
fn false_fuel_is_found_after_a_trap_too() {
    let lab = Lab::new();
    lab.expect(10, "wasm run hello.wat --entry-point trap --output-dir out");
    lab.expect(0, "verify out/receipt.json");
    let mut receipt = unsigned(&lab);
    let fuel = receipt["claim"]["fuel"].as_u64().unwrap();
    receipt["claim"]["fuel"] = (fuel + 1).into();
    lab.write("false.json", receipt.to_string());
    let words = format!("fuel: claimed {}, found {fuel}\n", fuel + 1);
    assert!(lab.expect(6, "verify false.json").stdout.contains(&words));
}

#[test]
fn a_receipt_cannot_talk_to_the_terminal() {
    let lab = room_with_receipt();
    let mut receipt = unsigned(&lab);
    receipt["claim"]["h1"] = "\x1b[2J".into();
    lab.write("false.json", receipt.to_string());
    let end = lab.expect(6, "verify false.json");
    assert!(end.stdout.contains("h1: claimed \\u{1b}[2J, found h1:") && !end.stdout.contains('\x1b'), "{}", end.stdout);
}

#[test]
fn altered_results_are_named() {
    let lab = room_with_receipt();
    lab.write("out/results/stdout", "forged");
    lab.write("out/results/outputs/new", "");
    fs::remove_file(lab.path("out/results/stderr")).unwrap();
    let end = lab.expect(6, "verify out/receipt.json");
    for words in [
        "run        same",
        "results    altered",
        "file stdout: claimed",
        "file outputs/new: claimed absent",
        "found absent",
    ] {
        assert!(end.stdout.contains(words), "{words}\n{}", end.stdout);
    }
}

#[test]
fn another_job_is_refused() {
    let lab = room_with_receipt();
    lab.write("data/a.txt", "b");
    let end = lab.expect(3, "verify out/receipt.json");
    let expected = lab.json("out/receipt.json")["claim"]["job"]["inputs"]["/inputs"].as_str().unwrap().to_owned();
    let actual = lab.expect(0, "hash data --prefix=").stdout;
    assert!(end.stderr.contains(&expected) && end.stderr.contains(actual.trim()), "{}", end.stderr);
    lab.write("data/a.txt", "a");
    let end = lab.expect(3, "verify out/receipt.json --module hello.wat");
    assert!(end.stderr.contains("but the receipt names bafkrei"), "{}", end.stderr);
    let text = lab.read("out/receipt.json").replace("\"seed\": 0", "\"seed\": 1");
    lab.write("altered.json", text);
    assert!(lab.expect(3, "verify altered.json").stderr.contains("changed after it was written"));
    lab.write("none.json", "{}");
    assert!(lab.expect(3, "verify none.json").stderr.contains("not a receipt"));
}

#[test]
fn what_was_moved_is_named_on_the_command_line() {
    let lab = room_with_receipt();
    fs::rename(lab.path("data"), lab.path("moved")).unwrap();
    fs::rename(lab.path("echo.wat"), lab.path("moved.wat")).unwrap();
    let end = lab.expect(2, "verify out/receipt.json");
    assert!(end.stderr.contains("name its place with --module"), "{}", end.stderr);
    let end = lab.expect(2, "verify out/receipt.json --module moved.wat");
    assert!(end.stderr.contains("name its place with -i SRC:/inputs"), "{}", end.stderr);
    lab.expect(0, "verify out/receipt.json --module moved.wat -i moved:/inputs");
    let end = lab.expect(2, "verify out/receipt.json --module moved.wat -i moved:/other");
    assert!(end.stderr.contains("the receipt has no input at /other; it has /inputs"), "{}", end.stderr);
}

/// Signs the receipt of the lab and says who did.
fn sign(lab: &Lab) -> String {
    let mut receipt = Receipt::parse(lab.read("out/receipt.json").as_bytes()).unwrap();
    receipt.signatures.clear();
    let identity = Identity::ephemeral();
    receipts::sign(&mut receipt, &identity);
    lab.write("out/receipt.json", receipt.to_json());
    lab.write("out/receipt.cbor", receipt.to_dag_cbor());
    identity.peer_id().to_string()
}

#[test]
fn who_signed_is_said_and_can_be_demanded() {
    let lab = room_with_receipt();
    let other = Identity::ephemeral().peer_id();
    let signer = lab.json("out/receipt.json")["signatures"][0]["signer"].as_str().unwrap().to_owned();
    assert!(lab.expect(0, "verify out/receipt.json").stdout.contains(&format!("signed     by {signer}\n")));
    lab.write("unsigned.json", unsigned(&lab).to_string());
    assert!(lab.expect(0, "verify unsigned.json").stdout.contains("signed     no\n"));
    let end = lab.expect(6, &format!("verify unsigned.json --signed-by {other}"));
    assert!(end.stderr.contains(&format!("not signed by {other} or any other node")), "{}", end.stderr);
    let signer = sign(&lab);
    for name in ["json", "cbor"] {
        let end = lab.expect(0, &format!("verify out/receipt.{name} --signed-by {signer}"));
        assert!(end.stdout.contains(&format!("signed     by {signer}\n")), "{}", end.stdout);
    }
    let answer = lab.expect_json(0, "verify out/receipt.json --output json");
    assert_eq!(answer["signed_by"], serde_json::json!([signer]));
    let end = lab.expect(6, &format!("verify out/receipt.json --signed-by {signer} --signed-by {other}"));
    assert!(end.stderr.contains(&format!("not signed by {other}; it is signed by {signer}")), "{}", end.stderr);
    assert!(end.stdout.is_empty(), "{}", end.stdout);
    assert!(lab.expect(2, "verify out/receipt.json --signed-by me").stderr.contains("--signed-by"));
}

#[test]
fn a_forged_signature_is_refused_before_anything_runs() {
    let lab = room_with_receipt();
    let signer = sign(&lab);
    let signed = lab.json("out/receipt.json");
    // Nothing could be run: it is the signature that is looked at first.
    fs::remove_file(lab.path("echo.wat")).unwrap();

    let mut altered = signed.clone();
    altered["claim"]["fuel"] = 1.into();
    lab.write("altered.json", altered.to_string());
    let end = lab.expect(6, "verify altered.json");
    assert!(end.stderr.contains(&format!("the signature of {signer} is not of this claim")), "{}", end.stderr);

    let mut stolen = signed.clone();
    let other = Identity::ephemeral().peer_id().to_string();
    stolen["signatures"][0]["signer"] = other.clone().into();
    lab.write("stolen.json", stolen.to_string());
    let end = lab.expect(6, &format!("verify stolen.json --signed-by {other}"));
    assert!(end.stderr.contains(&format!("{other} never signed it")), "{}", end.stderr);

    let mut nobody = signed;
    nobody["signatures"][0]["signer"] = "\x1b[2J".into();
    lab.write("nobody.json", nobody.to_string());
    let end = lab.expect(6, "verify nobody.json");
    assert!(end.stderr.contains("not the peer ID of an ed25519 key") && !end.stderr.contains('\x1b'), "{}", end.stderr);
}
