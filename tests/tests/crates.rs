//! The graph of crates is a checked-in picture, so that a new arrow is seen in review.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What each crate of the workspace needs of the others, without what only its tests need.
fn graph() -> BTreeMap<String, BTreeSet<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut cargo = Command::new(env!("CARGO"));
    let output = cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(root).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let members: BTreeSet<String> = packages.iter().map(name).collect();
    let needs = |package: &Value| {
        let dependencies = package["dependencies"].as_array().unwrap();
        let normal = dependencies.iter().filter(|dependency| dependency["kind"].is_null());
        normal.map(name).filter(|needed| members.contains(needed)).collect()
    };
    packages.iter().map(|package| (name(package), needs(package))).collect()
}

/// The crates by level: each needs only crates of levels above it.
fn levels(graph: &BTreeMap<String, BTreeSet<String>>) -> Vec<BTreeSet<String>> {
    let mut levels: Vec<BTreeSet<String>> = Vec::new();
    let mut done = BTreeSet::new();
    while done.len() < graph.len() {
        let ready = |needs: &BTreeSet<String>| needs.is_subset(&done);
        let level: BTreeSet<String> = graph
            .iter()
            .filter(|(name, needs)| !done.contains(*name) && ready(needs))
            .map(|(name, _)| name.clone())
            .collect();
        assert!(!level.is_empty(), "the graph of crates has a cycle");
        done.extend(level.iter().cloned());
        levels.push(level);
    }
    levels
}

/// `BLESS=1` writes the picture anew.
#[test]
fn the_graph_of_crates_is_the_one_that_was_reviewed() {
    let graph = graph();
    let mut picture = String::from(
        "# Crates by level, each with the crates of the workspace that it needs. A crate needs only crates of earlier levels.\n\
         # Written by: BLESS=1 cargo test -p bacalhau-tests --test crates\n",
    );
    for (number, level) in levels(&graph).iter().enumerate() {
        for name in level {
            let needs: Vec<&str> = graph[name].iter().map(String::as_str).collect();
            writeln!(picture, "{} {name} -> {}", number + 1, needs.join(" ")).unwrap();
        }
    }
    let picture = picture.replace(" -> \n", "\n");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/crates.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &picture).unwrap();
    }
    let reviewed = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(picture, reviewed, "the graph of crates changed: look at the change with BLESS=1 and git diff");
}

/// Crates that others use alone bring neither the sandbox nor the network.
#[test]
fn crates_for_others_bring_only_what_they_need() {
    let graph = graph();
    let all = |name: &str| {
        let mut found = BTreeSet::new();
        let mut pending = vec![name.to_owned()];
        while let Some(next) = pending.pop() {
            for needed in &graph[&next] {
                if found.insert(needed.clone()) {
                    pending.push(needed.clone());
                }
            }
        }
        found
    };
    for name in ["bacalhau-cas", "bacalhau-exchange", "bacalhau-http", "bacalhau-bitswap"] {
        assert!(!all(name).contains("bacalhau-runtime"), "{name} brings the sandbox");
    }
    for name in ["bacalhau-runtime", "bacalhau-cas", "bacalhau-exchange", "bacalhau-http"] {
        assert!(!all(name).contains("bacalhau-p2p"), "{name} brings the network");
    }
}

/// The lines of `cargo tree` without a graph.
fn tree(arguments: &[&str]) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut cargo = Command::new(env!("CARGO"));
    let arguments = ["tree", "--locked", "--offline", "--prefix", "none"].iter().chain(arguments);
    let output = cargo.args(arguments).current_dir(root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

/// What an embedder of the sandbox builds at least, and by default.
#[test]
fn the_runtime_alone_has_few_crates() {
    let count = |more: &[&str]| tree(&[&["-p", "bacalhau-runtime", "-e", "normal"], more].concat()).len();
    let (fewest, default) = (count(&["--no-default-features"]), count(&[]));
    println!("{fewest} crates without features, {default} by default");
    assert!(fewest <= 110, "{fewest} crates, and at most 110 are promised: see which with `cargo tree`");
    assert!(default <= 120, "{default} crates by default, and at most 120 are promised");
}

/// Cargo builds a dependency again for other features, and all that is above it: the engine took minutes a second time.
#[test]
fn the_command_and_its_tests_build_dependencies_once() {
    let with_features = |selected: &[&str]| tree(&[&["-f", "{p} [{f}]"], selected].concat());
    let tests = with_features(&["-e", "normal,build,dev"]);
    for selected in [&["-p", "bacalhau", "-e", "normal,build"][..], &["-e", "normal,build"]] {
        let others: Vec<String> = with_features(selected).difference(&tests).cloned().collect();
        let twice: Vec<&String> = others.iter().filter(|it| !it.starts_with("bacalhau")).collect();
        assert!(twice.is_empty(), "add what is missing to node/cli/Cargo.toml, below url: {twice:#?}");
    }
}
