//! The files in `golden/`: what every case claims and every operator costs under Profile V1. They are data; nothing
//! overwrites them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::backend::Backend;
use crate::case::Case;
use crate::claim::RETURN;
use crate::corpus;
use crate::matrix;
use crate::operators::{Snippet, snippets};

/// Where the files are.
pub fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"))
}

/// Name and content of each file as they are today, on this engine.
///
/// # Errors
///
/// A case that the engine does not compile, or that has no claim.
pub fn contents(backend: &Backend) -> Result<Vec<(String, String)>, String> {
    let mut files = Vec::new();
    for (group, cases) in corpus::groups()? {
        let ran = matrix::run(backend, &cases)?;
        if let Some((case, reason)) = ran.left_out.first() {
            return Err(format!("{case}: {reason}"));
        }
        let lines: String = ran.claims.iter().map(|claim| claim.line() + "\n").collect();
        files.push((format!("{group}.jsonl"), lines));
    }
    let costs = serde_json::to_string_pretty(&costs(backend)?).map_err(|error| error.to_string())?;
    files.push(("operators.json".into(), costs + "\n"));
    Ok(files)
}

/// What each operator costs.
fn costs(backend: &Backend) -> Result<BTreeMap<String, u64>, String> {
    let mut costs = BTreeMap::new();
    for Snippet { name, with, without } in snippets() {
        let (with, without) = (fuel(backend, &name, &with)?, fuel(backend, &name, &without)?);
        let cost = with.checked_sub(without).ok_or_else(|| format!("{name}: costs less than nothing"))?;
        costs.insert(name, cost);
    }
    Ok(costs)
}

fn fuel(backend: &Backend, name: &str, body: &str) -> Result<u64, String> {
    let wasm = wat::parse_str(Snippet::module(body)).map_err(|error| format!("{name}: {error}"))?;
    let case = Case::new(name, wasm);
    let claim = backend.compile(&case.instrumented()?)?.run(&case);
    if claim.end == RETURN || name == "unreachable" {
        return Ok(claim.fuel);
    }
    Err(format!("{name}: {}", claim.end))
}

/// Writes the files that are not there and says which those are.
///
/// # Errors
///
/// As [`contents`], or a file cannot be written.
pub fn write_missing(backend: &Backend) -> Result<Vec<String>, String> {
    let mut written = Vec::new();
    let dir = directory();
    fs::create_dir_all(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    for (name, content) in contents(backend)? {
        let path = dir.join(&name);
        if !path.exists() {
            fs::write(&path, content).map_err(|error| format!("{}: {error}", path.display()))?;
            written.push(name);
        }
    }
    Ok(written)
}
