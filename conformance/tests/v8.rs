//! Every case in V8, an engine by other people: equal claims. Cases with several memories are left out, which the V8 of
//! node 20 does not know. Without node the test says so and compares nothing.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use std::fs;
use std::path::Path;
use std::process::Command;

use bacalhau_conformance::matrix::{self, Line};
use bacalhau_conformance::{Backend, Case, Claim, corpus};
use serde_json::json;

/// V8 takes its own stack for the guest's, as much as it is told: here what wasmtime gets, and more for its larger frames.
const WITH_STACK: &str = "ulimit -s 1048576 && exec node --stack-size=1000000 \"$@\"";

/// Puts instrumented modules and a list of the cases where `v8.mjs` finds them.
fn prepare(dir: &Path, cases: &[Case]) {
    fs::create_dir_all(dir).unwrap();
    let mut list = Vec::new();
    let mut last: (&[u8], String) = (&[], String::new());
    for (n, case) in cases.iter().enumerate() {
        assert!(case.args.is_empty(), "{} has arguments", case.name);
        if last.0 != case.wasm {
            last = (&case.wasm, format!("{n}.wasm"));
            fs::write(dir.join(&last.1), case.instrumented().unwrap()).unwrap();
        }
        list.push(json!({
            "name": case.name,
            "module": last.1,
            "function": case.function,
            "fuel": case.fuel.to_string(),
            "stack": case.stack_slots.to_string(),
        }));
    }
    fs::write(dir.join("cases.json"), json!(list).to_string()).unwrap();
}

/// What words of V8 may mean: it has one sentence for two traps, twice.
const MEANINGS: [(&str, [&str; 2]); 2] = [
    ("trap float-unrepresentable", ["trap bad-conversion-to-integer", "trap integer-overflow"]),
    ("trap null-or-bad-signature", ["trap indirect-call-to-null", "trap bad-signature"]),
];

/// A claim of V8 with the more exact word of ours, if that is what it may mean.
fn in_our_words(theirs: Claim, ours: &Claim) -> Claim {
    let meant = MEANINGS.iter().any(|(word, meanings)| theirs.end == *word && meanings.contains(&ours.end.as_str()));
    if meant { Claim { end: ours.end.clone(), ..theirs } } else { theirs }
}

#[test]
fn every_case_is_equal_in_v8() {
    if Command::new("node").arg("--version").output().is_err() {
        eprintln!("NOT COMPARED: node is not installed (apt-get install nodejs), so V8 has not run the corpus");
        return;
    }
    let cases: Vec<Case> = corpus::groups().unwrap().into_iter().flat_map(|(_, cases)| cases).collect();
    let (left_out, cases): (Vec<Case>, Vec<Case>) =
        cases.into_iter().partition(|case| case.name.starts_with("memories: "));
    for case in left_out {
        eprintln!("not in V8, as it has several memories: {}", case.name);
    }

    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("v8");
    prepare(&dir, &cases);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/v8.mjs");
    let out = Command::new("sh").args(["-c", WITH_STACK, "sh", script]).arg(&dir).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));

    let ours = matrix::run(&Backend::all()[0], &cases).unwrap().claims;
    let theirs = String::from_utf8(out.stdout).unwrap();
    let theirs: Vec<Claim> = theirs.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(theirs.len(), ours.len());
    let theirs = theirs.into_iter().zip(&ours).map(|(theirs, ours)| in_our_words(theirs, ours));
    let theirs = theirs.map(|claim| Line { claim, engine: "V8".into() }).collect::<Vec<_>>();
    let ours = ours.into_iter().map(|claim| Line { claim, engine: "wasmtime".into() });
    let differences = matrix::differences(&ours.chain(theirs).collect::<Vec<_>>());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
