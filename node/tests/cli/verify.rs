//! `bacalhau verify`: same, different, altered, moved, signed, forged.

use std::fs;
use std::process::Stdio;

use bacalhau::receipts;
use bacalhau::transport::Identity;
use bacalhau_runtime::Receipt;
use serde_json::Value;

use crate::support::Room;

fn room_with_receipt() -> Room {
    let room = Room::new();
    room.write("data/a.txt", "a");
    room.expect(0, "wasm run echo.wat x -i data --output-dir out");
    room
}

/// The receipt of `out` without signatures: what a claim says is looked at after who says it.
fn unsigned(room: &Room) -> Value {
    let mut receipt = room.json("out/receipt.json");
    receipt.as_object_mut().unwrap().remove("signatures");
    receipt
}

#[test]
fn the_same_again_in_both_encodings_and_backends() {
    let room = room_with_receipt();
    for line in ["verify out/receipt.json", "verify out/receipt.cbor", "verify out/receipt.json --tier interpreter"] {
        let end = room.expect(0, line);
        assert!(end.stdout.contains("run        same: outcome, fuel and every file"), "{}", end.stdout);
        assert!(end.stdout.contains("results    same: "), "{}", end.stdout);
    }
    let answer = room.expect_json(0, "verify out/receipt.json --output json");
    assert_eq!(answer["same"], true);
    assert_eq!(answer["h1"], answer["found_h1"]);
}

#[test]
fn a_receipt_from_standard_input_has_no_results_beside_it() {
    let room = room_with_receipt();
    let receipt = fs::File::open(room.path("out/receipt.cbor")).unwrap();
    let output = room.command("verify - -q").stdin(Stdio::from(receipt)).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("run        same") && !said.contains("results"), "{said}");
    assert!(output.stderr.is_empty());
}

#[test]
fn a_false_claim_is_found() {
    let room = room_with_receipt();
    let mut receipt = unsigned(&room);
    receipt["claim"]["fuel"] = 1.into();
    receipt["claim"]["outcome"] = serde_json::json!({"exit": 3});
    receipt["claim"]["files"][2]["sha256"] = "00".into();
    room.write("false.json", receipt.to_string());
    let end = room.expect(6, "verify false.json");
    for words in
        ["run        different", "outcome: claimed exit 3, found exit 0", "fuel: claimed 1, found ", "file stdout: "]
    {
        assert!(end.stdout.contains(words), "{words}\n{}", end.stdout);
    }
    let answer = room.expect_json(6, "verify false.json --output json");
    assert_eq!(answer["same"], false);
    assert_eq!(answer["differences"][0]["what"], "outcome");
}

#[test]
fn false_fuel_is_found_after_a_trap_too() {
    let room = Room::new();
    room.expect(10, "wasm run hello.wat --entry-point trap --output-dir out");
    room.expect(0, "verify out/receipt.json");
    let mut receipt = unsigned(&room);
    let fuel = receipt["claim"]["fuel"].as_u64().unwrap();
    receipt["claim"]["fuel"] = (fuel + 1).into();
    room.write("false.json", receipt.to_string());
    let words = format!("fuel: claimed {}, found {fuel}\n", fuel + 1);
    assert!(room.expect(6, "verify false.json").stdout.contains(&words));
}

#[test]
fn a_receipt_cannot_talk_to_the_terminal() {
    let room = room_with_receipt();
    let mut receipt = unsigned(&room);
    receipt["claim"]["h1"] = "\x1b[2J".into();
    room.write("false.json", receipt.to_string());
    let end = room.expect(6, "verify false.json");
    assert!(end.stdout.contains("h1: claimed \\u{1b}[2J, found h1:") && !end.stdout.contains('\x1b'), "{}", end.stdout);
}

#[test]
fn altered_results_are_named() {
    let room = room_with_receipt();
    room.write("out/results/stdout", "forged");
    room.write("out/results/outputs/new", "");
    fs::remove_file(room.path("out/results/stderr")).unwrap();
    let end = room.expect(6, "verify out/receipt.json");
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
    let room = room_with_receipt();
    room.write("data/a.txt", "b");
    let end = room.expect(3, "verify out/receipt.json");
    let expected = room.json("out/receipt.json")["claim"]["job"]["inputs"]["/inputs"].as_str().unwrap().to_owned();
    let actual = room.expect(0, "hash data --prefix=").stdout;
    assert!(end.stderr.contains(&expected) && end.stderr.contains(actual.trim()), "{}", end.stderr);
    room.write("data/a.txt", "a");
    let end = room.expect(3, "verify out/receipt.json --module hello.wat");
    assert!(end.stderr.contains("but the receipt is of bafkrei"), "{}", end.stderr);
    let text = room.read("out/receipt.json").replace("\"seed\": 0", "\"seed\": 1");
    room.write("altered.json", text);
    assert!(room.expect(3, "verify altered.json").stderr.contains("changed after it was written"));
    room.write("none.json", "{}");
    assert!(room.expect(3, "verify none.json").stderr.contains("not a receipt"));
}

#[test]
fn what_was_moved_is_named_on_the_command_line() {
    let room = room_with_receipt();
    fs::rename(room.path("data"), room.path("moved")).unwrap();
    fs::rename(room.path("echo.wat"), room.path("moved.wat")).unwrap();
    let end = room.expect(2, "verify out/receipt.json");
    assert!(end.stderr.contains("say where it is with --module"), "{}", end.stderr);
    let end = room.expect(2, "verify out/receipt.json --module moved.wat");
    assert!(end.stderr.contains("say where it is with -i SRC:/inputs"), "{}", end.stderr);
    room.expect(0, "verify out/receipt.json --module moved.wat -i moved:/inputs");
    let end = room.expect(2, "verify out/receipt.json --module moved.wat -i moved:/other");
    assert!(end.stderr.contains("the receipt has no input at /other; it has /inputs"), "{}", end.stderr);
}

/// Signs the receipt of the room and says who did.
fn sign(room: &Room) -> String {
    let mut receipt = Receipt::parse(room.read("out/receipt.json").as_bytes()).unwrap();
    receipt.signatures.clear();
    let identity = Identity::ephemeral();
    receipts::sign(&mut receipt, &identity);
    room.write("out/receipt.json", receipt.to_json());
    room.write("out/receipt.cbor", receipt.to_dag_cbor());
    identity.peer_id().to_string()
}

#[test]
fn who_signed_is_said_and_can_be_demanded() {
    let room = room_with_receipt();
    let other = Identity::ephemeral().peer_id();
    let signer = room.json("out/receipt.json")["signatures"][0]["signer"].as_str().unwrap().to_owned();
    assert!(room.expect(0, "verify out/receipt.json").stdout.contains(&format!("signed     by {signer}\n")));
    room.write("unsigned.json", unsigned(&room).to_string());
    assert!(room.expect(0, "verify unsigned.json").stdout.contains("signed     by nobody\n"));
    let end = room.expect(6, &format!("verify unsigned.json --signed-by {other}"));
    assert!(end.stderr.contains(&format!("not signed by {other}, nor by anybody else")), "{}", end.stderr);
    let signer = sign(&room);
    for name in ["json", "cbor"] {
        let end = room.expect(0, &format!("verify out/receipt.{name} --signed-by {signer}"));
        assert!(end.stdout.contains(&format!("signed     by {signer}\n")), "{}", end.stdout);
    }
    let answer = room.expect_json(0, "verify out/receipt.json --output json");
    assert_eq!(answer["signed_by"], serde_json::json!([signer]));
    let end = room.expect(6, &format!("verify out/receipt.json --signed-by {signer} --signed-by {other}"));
    assert!(end.stderr.contains(&format!("not signed by {other}; it is signed by {signer}")), "{}", end.stderr);
    assert!(end.stdout.is_empty(), "{}", end.stdout);
    assert!(room.expect(2, "verify out/receipt.json --signed-by me").stderr.contains("--signed-by"));
}

#[test]
fn a_forged_signature_is_refused_before_anything_runs() {
    let room = room_with_receipt();
    let signer = sign(&room);
    let signed = room.json("out/receipt.json");
    // Nothing could be run: it is the signature that is looked at first.
    fs::remove_file(room.path("echo.wat")).unwrap();

    let mut altered = signed.clone();
    altered["claim"]["fuel"] = 1.into();
    room.write("altered.json", altered.to_string());
    let end = room.expect(6, "verify altered.json");
    assert!(end.stderr.contains(&format!("the signature of {signer} is not of this claim")), "{}", end.stderr);

    let mut stolen = signed.clone();
    let other = Identity::ephemeral().peer_id().to_string();
    stolen["signatures"][0]["signer"] = other.clone().into();
    room.write("stolen.json", stolen.to_string());
    let end = room.expect(6, &format!("verify stolen.json --signed-by {other}"));
    assert!(end.stderr.contains(&format!("{other} never signed it")), "{}", end.stderr);

    let mut nobody = signed;
    nobody["signatures"][0]["signer"] = "\x1b[2J".into();
    room.write("nobody.json", nobody.to_string());
    let end = room.expect(6, "verify nobody.json");
    assert!(end.stderr.contains("no peer id of an ed25519 key") && !end.stderr.contains('\x1b'), "{}", end.stderr);
}
