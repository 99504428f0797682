//! Programs of other toolchains: Rust for wasm32-wasip2, C with the adapter of preview 1, Python and JavaScript.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use bacalhau_runtime::{HostTree, Inputs, Outcome};
use bacalhau_tests::examples::{examples, top};
use bacalhau_tests::{cargo, small_tree};

use super::{run, run_with};

/// Builds a workspace for wasm32-wasip2, and says where the components are. Without the target it says what is skipped.
fn build(workspace: &str, what: &[&str]) -> Option<PathBuf> {
    let printed =
        Command::new("rustc").args(["--print", "target-libdir", "--target", "wasm32-wasip2"]).output().unwrap();
    if !Path::new(String::from_utf8_lossy(&printed.stdout).trim()).is_dir() {
        eprintln!("skipped: {workspace} is not built; run: rustup target add wasm32-wasip2");
        return None;
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wasip2");
    let mut cargo = cargo();
    cargo.args(["build", "--release", "--locked", "--target", "wasm32-wasip2"]).args(what);
    for foreign in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
        cargo.env_remove(foreign);
    }
    let output = cargo.current_dir(top().join(workspace)).env("CARGO_TARGET_DIR", &target).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(target.join("wasm32-wasip2/release"))
}

/// The results of a program are those of its build for wasm32-wasip1.
#[test]
fn examples_built_for_wasip2_give_the_hashes_of_wasip1() {
    let Some(built) = build("wasm-examples", &[]) else { return };
    for example in examples() {
        let mut h1 = String::new();
        let component = fs::read(built.join(&example.name).with_extension("wasm")).unwrap();
        let look = |dir: &Path| h1 = bacalhau_runtime::dirhash::hash_dir(dir, "results").unwrap().h1;
        let end = run_with(&component, |job| example.fill(job), &example.open(), look);
        assert_eq!(end.outcome, Outcome::Exit(0), "{}: {}", example.name, end.stderr);
        assert_eq!(h1, example.h1, "{}", example.name);
    }
}

/// What Rust's standard library does with files, on WASI 0.2.
#[test]
fn the_standard_library_of_wasip2_passes_its_tests() {
    const GUESTS: [&str; 8] = [
        "std_directories",
        "std_links",
        "std_metadata",
        "std_open_options",
        "std_read_only",
        "std_read_write",
        "std_rename_remove",
        "std_stdio",
    ];
    let Some(built) = build("tests/guests", &GUESTS.map(|guest| ["--bin", guest]).concat()) else { return };
    for guest in GUESTS {
        let files = small_tree();
        let mut inputs = Inputs::new();
        inputs.insert("/inputs".into(), Arc::new(HostTree::open(files.path()).unwrap()));
        let component = fs::read(built.join(guest).with_extension("wasm")).unwrap();
        let with_input = |job: &mut bacalhau_runtime::Job| {
            job.inputs.insert("/inputs".into(), None);
        };
        let end = run_with(&component, with_input, &inputs, |_| {});
        assert_eq!(end.outcome, Outcome::Exit(0), "{guest}: {}", end.stderr);
    }
}

/// The components of `data`, made by `data/build.sh` of committed modules. `c_files` is not among them: the adapter writes
/// the first buffer of several only, which that program does not expect.
#[test]
fn c_programs_with_the_adapter_of_preview_1_run() {
    for guest in ["c_directories", "c_links", "c_time"] {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/components/data").join(guest);
        let end = run(&fs::read(place.with_extension("wasm")).unwrap());
        assert_eq!(end.outcome, Outcome::Exit(0), "{guest}: {}", end.stderr);
    }
}

/// A component that `tests/tests/components/data/install.sh` has made. Without it the test says what it skips.
fn installed(name: &str) -> Option<Vec<u8>> {
    let place = top().join("target/components").join(name);
    let read = fs::read(&place).ok();
    if read.is_none() {
        eprintln!("skipped: {} is missing; tests/tests/components/data/install.sh makes it", place.display());
    }
    read
}

#[test]
fn python_runs() {
    let Some(component) = installed("python.wasm") else { return };
    let end = run_with(
        &component,
        |job| job.args.push("one".into()),
        &Inputs::new(),
        |dir| {
            assert_eq!(fs::read_to_string(dir.join("outputs/squares")).unwrap(), "332833500\n");
        },
    );
    assert_eq!(end.outcome, Outcome::Exit(0), "{}", end.stderr);
    assert_eq!(String::from_utf8_lossy(&end.stdout), "python ['main.wasm', 'one'] {\"a\": [1, 2.5, null]} 2d711642\n");
}

#[test]
fn javascript_runs() {
    let Some(component) = installed("javascript.wasm") else { return };
    let end = run(&component);
    assert_eq!(end.outcome, Outcome::Exit(0), "{}", end.stderr);
    assert_eq!(String::from_utf8_lossy(&end.stdout), "javascript {\"a\":[1,2.5,null]} 332833500\n");
}
