//! Every case, on every engine of this machine: equal claims.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use bacalhau_conformance::{
    Backend,
    claim::HOST,
    corpus,
    matrix::{self, Line},
};

/// What an engine is known not to have.
fn is_known(engine: &str, case: &str, reason: &str) -> bool {
    match engine {
        "winch" => case.starts_with("references: ") || reason.contains("tail calls") || reason.contains("exception"),
        "pulley" => ["atomics: ", "threads: ", "far threads: "].iter().any(|guest| case.starts_with(guest)),
        _ => false,
    }
}

/// Runs a group of the corpus on all engines.
fn equal_everywhere(group: &str) {
    for (engine, reason) in Backend::missing() {
        eprintln!("NOT COMPARED: {engine} does not work on this machine: {reason}");
    }
    let cases = corpus::groups_and_more().unwrap().into_iter().find(|(name, _)| *name == group).unwrap().1;
    let mut lines = Vec::new();
    for backend in Backend::all() {
        let ran = matrix::run(&backend, &cases).unwrap();
        for (case, reason) in &ran.left_out {
            assert!(is_known(backend.name, case, reason), "{case} on {}: {reason}", backend.name);
        }
        let whole = group != "v2" || backend.name.starts_with("cranelift");
        assert!(!whole || ran.left_out.len() * 10 < cases.len(), "{} leaves out {}", backend.name, ran.left_out.len());
        lines.extend(ran.claims.into_iter().map(|claim| Line { claim, engine: backend.name.into() }));
    }
    let failed: Vec<&Line> = lines.iter().filter(|line| line.claim.end.starts_with(HOST)).collect();
    assert!(failed.is_empty(), "the engine failed: {failed:#?}");
    let engines = if group == "v2" { 2 } else { 3 };
    assert!(lines.len() > engines * cases.len(), "only {} claims of {} cases", lines.len(), cases.len());
    let differences = matrix::differences(&lines);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn guests_are_equal_on_every_engine() {
    equal_everywhere("guests");
}

#[test]
fn nans_are_equal_on_every_engine() {
    equal_everywhere("nans");
}

#[test]
fn generated_programs_are_equal_on_every_engine() {
    equal_everywhere("generated");
}

#[test]
fn what_only_v2_has_is_equal_on_every_engine() {
    equal_everywhere("v2");
}

#[test]
fn a_difference_is_named() {
    let cases = corpus::groups().unwrap().remove(0).1;
    let claim = matrix::run(&Backend::all()[0], &cases[..1]).unwrap().claims.remove(0);
    let mut other = claim.clone();
    other.fuel += 1;
    let line = |claim, engine: &str| Line { claim, engine: engine.into() };
    let said = matrix::differences(&[line(claim.clone(), "one"), line(claim.clone(), "same"), line(other, "other")]);
    let fuel = claim.fuel;
    assert_eq!(said, [format!("{}: one and other differ in fuel ({fuel}, {})", claim.case, fuel + 1)]);
}
