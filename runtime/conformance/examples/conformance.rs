//! Checks that Profile V1 is equal on several machines: writes the claims of all engines of this machine, and compares
//! them with those of another machine.

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use bacalhau_conformance::{
    Backend, corpus, golden, jobs,
    matrix::{self, Line},
};

const USAGE: &str = "\
conformance claims [--out FILE]   run the corpus on every engine of this machine, one line of JSON for each claim
conformance claims --engine NAME --out FILE
                                  the same on one engine; `runtime` runs the examples
conformance engines               names of the engines, one on each line
conformance compare FILE [FILE]   say where the claims of a file differ from those made here, or of a second file
conformance write                 make the golden files that are missing; those that exist stay as they are";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args[..] {
        ["engines"] => {
            say_missing();
            println!("{}", engines().join("\n"));
            Ok(())
        }
        ["claims", "--engine", name, "--out", file] => claims_of(name).and_then(|lines| write(file, &text(&lines))),
        ["claims"] => claims().map(|lines| print!("{}", text(&lines))),
        ["claims", "--out", file] => claims().and_then(|lines| write(file, &text(&lines))),
        ["compare", file] => read(file).and_then(|theirs| compare(&[claims()?, theirs].concat())),
        ["compare", one, other] => read(one).and_then(|lines| compare(&[lines, read(other)?].concat())),
        ["write"] => write_golden(),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The examples of the runtime count as an engine.
const RUNTIME: &str = "runtime";

/// The engines of this machine.
fn engines() -> Vec<&'static str> {
    Backend::all().iter().map(|backend| backend.name).chain([RUNTIME]).collect()
}

fn say_missing() {
    for (engine, reason) in Backend::missing() {
        eprintln!("{engine} does not work on {}: {reason}", env::consts::ARCH);
    }
}

/// Claims of all cases on all engines of this machine, and of the examples in the runtime.
fn claims() -> Result<Vec<Line>, String> {
    say_missing();
    let mut lines = Vec::new();
    for backend in Backend::all() {
        lines.extend(claims_of_corpus(&backend)?);
    }
    lines.extend(claims_of_examples()?);
    Ok(lines)
}

/// Claims of one engine.
fn claims_of(name: &str) -> Result<Vec<Line>, String> {
    if name == RUNTIME {
        return claims_of_examples();
    }
    let backend = Backend::all().into_iter().find(|backend| backend.name == name);
    claims_of_corpus(&backend.ok_or_else(|| format!("no engine of this machine is called {name}"))?)
}

fn claims_of_corpus(backend: &Backend) -> Result<Vec<Line>, String> {
    let engine = format!("{} {}", env::consts::ARCH, backend.name);
    let mut lines = Vec::new();
    for (group, cases) in corpus::groups()? {
        let ran = matrix::run(backend, &cases)?;
        eprintln!("{engine}: {group}: {} claims, {} not compiled", ran.claims.len(), ran.left_out.len());
        lines.extend(ran.claims.into_iter().map(|claim| Line { claim, engine: engine.clone() }));
    }
    Ok(lines)
}

fn claims_of_examples() -> Result<Vec<Line>, String> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let engine = format!("{} {RUNTIME}", env::consts::ARCH);
    let jobs = jobs::claims(&top)?;
    eprintln!("{engine}: jobs: {} claims", jobs.len());
    Ok(jobs.into_iter().map(|claim| Line { claim, engine: engine.clone() }).collect())
}

fn compare(lines: &[Line]) -> Result<(), String> {
    let differences = matrix::differences(lines);
    if differences.is_empty() {
        println!("{} claims, no difference", lines.len());
        return Ok(());
    }
    Err(differences.join("\n"))
}

fn write_golden() -> Result<(), String> {
    let backends = Backend::all();
    let backend = backends.first().ok_or("no engine works here")?;
    for name in golden::write_missing(backend)? {
        println!("{}", golden::directory().join(name).display());
    }
    Ok(())
}

fn text(lines: &[Line]) -> String {
    lines.iter().filter_map(|line| serde_json::to_string(line).ok()).map(|line| line + "\n").collect()
}

fn write(file: &str, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| format!("{file}: {error}"))
}

fn read(file: &str) -> Result<Vec<Line>, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let line = |line| serde_json::from_str(line).map_err(|error| format!("{file}: {error}"));
    text.lines().map(line).collect()
}
