//! Every case in V8, an engine by other people: equal claims. `v8/install.sh` gets a node that has the whole language. Without it
//! the test takes the node that is installed, and leaves out several memories and Profile V2, which node 20 does not have;
//! without any node it says so and compares nothing. No V8 has wide arithmetic: Winch and Pulley are compared there.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bacalhau_conformance::{
    Backend, Case, Claim, corpus,
    matrix::{self, Line},
};
use serde_json::json;

/// V8 takes its own stack for the guest's, as much as it is told: here what wasmtime gets, and more for its larger frames.
const WITH_STACK: &str = "ulimit -s 1048576 && exec \"$0\" --stack-size=1000000 \"$@\"";

/// The node of `v8/install.sh`.
fn current_node() -> Option<PathBuf> {
    let default = || concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/v8").into();
    let place = std::env::var_os("BACALHAU_TEST_V8").map_or_else(default, PathBuf::from);
    let processor = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    let node = place.join(format!("node_modules/node-linux-{processor}/bin/node"));
    node.exists().then_some(node)
}

/// Puts instrumented modules and a list of the cases where `v8/run.mjs` finds them.
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
    let current = current_node();
    let node = current.clone().unwrap_or_else(|| "node".into());
    if Command::new(&node).arg("--version").output().is_err() {
        eprintln!("NOT COMPARED: node is not installed (v8/install.sh), so V8 has not run the corpus");
        return;
    }
    let old = current.is_none();
    let mut cases = Vec::new();
    for (group, of_group) in corpus::groups_and_more().unwrap() {
        if old && group == "v2" {
            eprintln!(
                "NOT COMPARED: this node has no exceptions (v8/install.sh gets one), so it has not run Profile V2"
            );
            continue;
        }
        cases.extend(of_group);
    }
    let lacks = |case: &Case| case.name.starts_with("wide: ") || old && case.name.starts_with("memories: ");
    let (left_out, cases): (Vec<Case>, Vec<Case>) = cases.into_iter().partition(lacks);
    for case in left_out {
        eprintln!("not in this V8, as it has wide arithmetic or several memories: {}", case.name);
    }

    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("v8");
    prepare(&dir, &cases);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/v8/run.mjs");
    let out = Command::new("sh").args(["-c", WITH_STACK]).arg(node).arg(script).arg(&dir).output().unwrap();
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
