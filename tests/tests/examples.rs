//! The examples that the README shows: each committed module gives the `h1:` that is written down for it, and so does
//! the module that its source builds today.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use std::fs;
use std::path::{Path, PathBuf};

use bacalhau_runtime::{Job, Outcome};
use bacalhau_tests::examples::{Example, examples, top};
use bacalhau_tests::{PATIENCE, RUNTIME, cargo};

/// Runs an example with this module, and answers with its hash and what it wrote to stderr.
fn run(example: &Example, module: &Path) -> (String, String) {
    let module = RUNTIME.load(&fs::read(module).unwrap()).unwrap();
    let mut job = Job::new(module.cid());
    example.fill(&mut job);
    let results = tempfile::tempdir().unwrap();
    let dir = results.path().join("results");
    let receipt = RUNTIME.run(&module, &job, &example.open(), &dir, PATIENCE).unwrap();
    let stderr = fs::read_to_string(dir.join("stderr")).unwrap();
    assert_eq!(receipt.claim.outcome, Outcome::Exit(0), "{}: {stderr}", example.name);
    (receipt.claim.h1, stderr)
}

/// All examples whose module, found by `module`, gives another hash than the one that is written down.
fn wrong(module: impl Fn(&Example) -> PathBuf) -> Vec<String> {
    let hashes = examples().into_iter().map(|example| (run(&example, &module(&example)), example));
    hashes
        .filter(|((h1, _), example)| *h1 != example.h1)
        .map(|((h1, stderr), example)| format!("{}: {h1}, not {}\n{stderr}", example.name, example.h1))
        .collect()
}

#[test]
fn committed_modules_give_the_expected_hashes() {
    assert_eq!(wrong(|example| top().join(&example.module)), [""; 0]);
}

#[test]
fn rebuilt_modules_give_the_same_hashes() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wasm-examples");
    let mut cargo = cargo();
    cargo
        .args(["build", "--release", "--locked", "--target", "wasm32-wasip1"])
        .current_dir(top().join("wasm-examples"));
    for foreign in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
        cargo.env_remove(foreign);
    }
    let output = cargo.env("CARGO_TARGET_DIR", &target).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let built = target.join("wasm32-wasip1/release");
    assert_eq!(wrong(|example| built.join(example.module.file_name().unwrap())), [""; 0]);
}

/// Pages of the documentation that show what an example prints.
const PAGES: [&str; 3] = ["README.md", "docs/src/guide/run.md", "docs/src/guide/network.md"];

/// The README's section of each example shows the job and the hash that `expected.json` has, other pages the hash.
#[test]
fn the_readme_shows_the_same_jobs() {
    let readme = fs::read_to_string(top().join("wasm-examples/README.md")).unwrap();
    let pages = PAGES.map(|page| (page, fs::read_to_string(top().join(page)).unwrap()));
    for example in examples() {
        for (page, text) in &pages {
            let shows = text.contains(&example.module.display().to_string());
            assert!(!shows || text.contains(&example.h1), "{page} shows another hash of {}", example.name);
        }
        let section = readme.split("\n## ").find(|section| section.starts_with(&format!("{}\n", example.name)));
        let section = section.unwrap_or_else(|| panic!("no section about {}", example.name));
        let command = section.lines().find(|line| line.starts_with("    bacalhau wasm run ")).unwrap();
        let mut shown = vec![example.module.display().to_string(), format!("expected: {}", example.h1)];
        shown.extend(example.inputs.iter().map(|input| format!("-i {}:{}", input.src.display(), input.dst)));
        shown.extend(example.env.iter().map(|(key, value)| format!("-e {key}={value}")));
        shown.extend(example.args);
        for part in shown {
            assert!(
                command.contains(&part) || section.contains(&part),
                "{}: {part} is not in the README",
                example.name
            );
        }
    }
}
