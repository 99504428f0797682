//! Runs all cases on one engine, and compares claims of several.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::backend::Backend;
use crate::case::Case;
use crate::claim::Claim;

/// A claim with its engine, as a line of a file that is compared between machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The claim.
    pub claim: Claim,
    /// Where: the processor and the engine.
    pub engine: String,
}

/// Results of an engine.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// One for each case that it compiles.
    pub claims: Vec<Claim>,
    /// Names of the cases that it does not compile, with the reason.
    pub left_out: Vec<(String, String)>,
}

/// Runs all cases, on all processors. A module that follows itself is compiled once.
///
/// # Errors
///
/// The pass refuses a module of the corpus.
pub fn run(backend: &Backend, cases: &[Case]) -> Result<Ran, String> {
    let groups: Vec<&[Case]> = cases.chunk_by(|one, next| one.wasm == next.wasm).collect();
    let each: Result<Vec<Ran>, String> = groups.into_par_iter().map(|group| run_one_module(backend, group)).collect();
    let mut all = Ran::default();
    for ran in each? {
        all.claims.extend(ran.claims);
        all.left_out.extend(ran.left_out);
    }
    Ok(all)
}

fn run_one_module(backend: &Backend, cases: &[Case]) -> Result<Ran, String> {
    let mut ran = Ran::default();
    let Some(first) = cases.first() else { return Ok(ran) };
    match backend.compile(&first.instrumented()?) {
        Ok(compiled) => ran.claims.extend(cases.iter().map(|case| compiled.run(case))),
        Err(reason) => ran.left_out.extend(cases.iter().map(|case| (case.name.clone(), reason.clone()))),
    }
    Ok(ran)
}

/// Where claims of one case differ: each difference in words, with both engines.
pub fn differences(lines: &[Line]) -> Vec<String> {
    let mut first: BTreeMap<&str, &Line> = BTreeMap::new();
    let mut found = Vec::new();
    for line in lines {
        let one = *first.entry(&line.claim.case).or_insert(line);
        if one.claim != line.claim {
            let what = differing(&one.claim, &line.claim);
            found.push(format!("{}: {} and {} differ in {what}", one.claim.case, one.engine, line.engine));
        }
    }
    found
}

/// Differences of two claims of one case.
pub fn differing(one: &Claim, other: &Claim) -> String {
    let fields = [
        ("end", one.end.clone(), other.end.clone()),
        ("fuel", one.fuel.to_string(), other.fuel.to_string()),
        ("globals", format!("{:?}", one.globals), format!("{:?}", other.globals)),
        ("memory", one.memory.clone(), other.memory.clone()),
        ("results", one.results.join(" "), other.results.join(" ")),
    ];
    let differ = fields.into_iter().filter(|(_, a, b)| a != b);
    differ.map(|(field, a, b)| format!("{field} ({a}, {b})")).collect::<Vec<_>>().join(", ")
}
