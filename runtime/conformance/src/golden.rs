//! The files in `golden/`: the claims of every case and example, and the costs of operators, under Profile V1; and
//! the claims of what only V2 has. They are data and never overwritten.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::backend::Backend;
use crate::case::Case;
use crate::claim::{Claim, RETURN};
use crate::corpus;
use crate::jobs;
use crate::matrix;
use crate::operators::{Snippet, module, snippets};

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
        files.push((format!("{group}.jsonl"), lines(&ran.claims)));
    }
    // The examples go through the runtime, which chooses its engine itself.
    let jobs = jobs::claims(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))?;
    files.push(("jobs.jsonl".into(), lines(&jobs)));
    let costs = serde_json::to_string_pretty(&costs(backend)?).map_err(|error| error.to_string())?;
    files.push(("operators.json".into(), costs + "\n"));
    Ok(files)
}

fn lines(claims: &[Claim]) -> String {
    claims.iter().map(|claim| claim.line() + "\n").collect()
}

/// The cost of each operator.
fn costs(backend: &Backend) -> Result<BTreeMap<String, u64>, String> {
    let snippets = snippets();
    let bodies: Vec<&str> = snippets.iter().flat_map(|s| [s.with.as_str(), s.without.as_str()]).collect();
    let wasm = wat::parse_str(module(&bodies)).map_err(|error| format!("operators: {error}"))?;
    let case = |n: usize| Case { function: n.to_string(), ..Case::new(bodies[n], wasm.clone()) };
    let claims = matrix::run(backend, &(0..bodies.len()).map(case).collect::<Vec<_>>())?.claims;
    if let Some(failed) = claims.iter().find(|claim| claim.end != RETURN && claim.case != "unreachable") {
        return Err(format!("{}: {}", failed.case, failed.end));
    }
    let costs = snippets.into_iter().zip(claims.chunks(2)).map(|(Snippet { name, .. }, pair)| {
        let [with, without] = pair else { return Err(format!("{name}: not run")) };
        let cost = with.fuel.checked_sub(without.fuel).ok_or_else(|| format!("{name}: costs less than nothing"))?;
        Ok((name, cost))
    });
    costs.collect()
}

/// Writes missing files and returns their names.
///
/// # Errors
/// As [`contents`], or when a file cannot be written.
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
