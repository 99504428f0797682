//! Profile V1 is frozen: what the corpus claims and what operators cost are the bytes in `golden/`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use std::collections::BTreeSet;
use std::fs;

use bacalhau_conformance::{
    Backend, golden,
    operators::{module, snippets},
};
use wasmparser::{Parser, Payload};

/// The first line in which two texts differ, with both.
fn first_difference(frozen: &str, now: &str) -> String {
    let mut lines = frozen.lines().zip(now.lines());
    match lines.find(|(frozen, now)| frozen != now) {
        Some((frozen, now)) => format!("frozen: {frozen}\n   now: {now}"),
        None => format!("frozen: {} lines, now: {} lines", frozen.lines().count(), now.lines().count()),
    }
}

#[test]
fn claims_and_costs_are_frozen() {
    let mut moved = Vec::new();
    for (name, now) in golden::contents(&Backend::all()[0]).unwrap() {
        let frozen = fs::read_to_string(golden::directory().join(&name)).unwrap_or_default();
        if frozen != now {
            moved.push(format!("golden/{name} differs.\n{}", first_difference(&frozen, &now)));
        }
    }
    assert!(
        moved.is_empty(),
        "Profile V1 is frozen: {}\nIf this change is meant, it is a new profile, V2: keep V1 as it is beside it, give V2 \
         its own golden directory, and fill that with `cargo run -p bacalhau-conformance --example conformance -- write`.",
        moved.join("\n")
    );
}

/// Names, as wasmparser has them, of all operators in the bodies of a module.
fn operators_of(wasm: &[u8]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::CodeSectionEntry(body) = payload.unwrap() {
            for operator in body.get_operators_reader().unwrap() {
                let name = format!("{:?}", operator.unwrap());
                names.insert(name.split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned());
            }
        }
    }
    names
}

/// Names of the operators of accepted proposals.
macro_rules! accepted {
    ($(@$proposal:ident $operator:ident $({ $($argument:ident: $type:ty),* })? => $visit:ident ($($arity:tt)*))*) => {
        vec![$((stringify!($proposal), stringify!($operator))),*]
            .into_iter()
            .filter(|(proposal, _)| {
                let accepted = ["mvp", "sign_extension", "saturating_float_to_int", "bulk_memory", "tail_call",
                    "reference_types", "simd"];
                accepted.contains(proposal)
            })
            .map(|(_, operator)| operator.to_owned())
            .collect::<BTreeSet<String>>()
    };
}

#[test]
fn every_operator_of_the_language_has_a_frozen_cost() {
    let snippets = snippets();
    let bodies: Vec<&str> = snippets.iter().map(|snippet| snippet.with.as_str()).collect();
    let seen = operators_of(&wat::parse_str(module(&bodies)).unwrap());
    let accepted = wasmparser::for_each_operator!(accepted);
    let without: Vec<&String> = accepted.difference(&seen).collect();
    assert!(accepted.len() > 400, "only {} operators", accepted.len());
    // A select of several values has an encoding, and no proposal that makes it valid.
    assert_eq!(without, ["TypedSelectMulti"]);
}
