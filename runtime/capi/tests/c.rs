//! C programs against the shared and the static library, as others build them.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bacalhau_runtime::{HostTree, Inputs, Job, Options, Receipt, Runtime};
use tempfile::TempDir;

const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// Writes `hello`.
const HELLO: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\10\00\00\00\05\00\00\00")
    (data (i32.const 16) "hello")
    (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;

/// Where cargo puts the libraries before it builds tests.
fn built(name: &str) -> PathBuf {
    std::env::current_exe().unwrap().with_file_name(name)
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    output
}

/// A directory with the shared library under its names, as `install.sh` makes it.
fn installed() -> TempDir {
    let dir = TempDir::new().unwrap();
    for name in ["libbacalhau_runtime.so", "libbacalhau_runtime.so.1"] {
        std::os::unix::fs::symlink(built("libbacalhau_runtime_capi.so"), dir.path().join(name)).unwrap();
    }
    dir
}

/// Compiles a C program of this crate against the library in `lib`.
fn compile(source: &str, lib: &Path, program: &Path, flags: &[&str]) {
    let mut gcc = Command::new("gcc");
    gcc.args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-g", "-pthread"]).args(flags).arg("-o").arg(program);
    gcc.arg(Path::new(HERE).join(source)).args(["-I", &format!("{HERE}/include")]);
    gcc.arg("-L").arg(lib).arg("-lbacalhau_runtime");
    succeed(&mut gcc);
}

#[test]
fn misuse_is_answered() {
    let (lib, dir, empty) = (installed(), TempDir::new().unwrap(), TempDir::new().unwrap());
    let program = dir.path().join("misuse");
    compile("tests/c/misuse.c", lib.path(), &program, &[]);
    succeed(Command::new(&program).env("LD_LIBRARY_PATH", lib.path()).env("EMPTY_DIR", empty.path()));
}

/// Valgrind does not know the stacks that the engine switches; the sanitizer sees what is freed twice, late or not at all.
#[test]
fn misuse_is_clean_under_the_address_sanitizer() {
    let (lib, dir, empty) = (installed(), TempDir::new().unwrap(), TempDir::new().unwrap());
    let program = dir.path().join("misuse");
    compile("tests/c/misuse.c", lib.path(), &program, &["-fsanitize=address"]);
    // The engine handles the signals of programs in the sandbox.
    let options = "detect_leaks=1:handle_segv=0:handle_sigill=0:handle_sigfpe=0";
    let mut sanitized = Command::new(&program);
    sanitized.env("ASAN_OPTIONS", options).env("LD_LIBRARY_PATH", lib.path());
    succeed(sanitized.env("EMPTY_DIR", empty.path()));
}

#[test]
fn the_static_library_is_enough() {
    let (dir, empty) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let program = dir.path().join("misuse");
    let mut gcc = Command::new("gcc");
    gcc.args(["-std=gnu11", "-pthread", "-o"]).arg(&program).arg(format!("{HERE}/tests/c/misuse.c"));
    gcc.args(["-I", &format!("{HERE}/include")]).arg(built("libbacalhau_runtime_capi.a")).args(["-ldl", "-lm"]);
    succeed(&mut gcc);
    succeed(Command::new(&program).env("EMPTY_DIR", empty.path()));
}

#[test]
fn the_example_in_c_gives_the_claim_of_the_rust_library() {
    let (lib, dir) = (installed(), TempDir::new().unwrap());
    let program = dir.path().join("run");
    compile("examples/run.c", lib.path(), &program, &[]);
    let (module, input) = (dir.path().join("module.wat"), dir.path().join("input"));
    std::fs::write(&module, HELLO).unwrap();
    std::fs::create_dir(&input).unwrap();
    std::fs::write(input.join("a"), "b").unwrap();
    let results = dir.path().join("results");
    let output = succeed(Command::new(&program).args([&module, &input, &results]).env("LD_LIBRARY_PATH", lib.path()));
    let claim = Receipt::parse(&output.stdout).unwrap().claim;
    assert_eq!(std::fs::read(results.join("stdout")).unwrap(), b"hello");

    let runtime = Runtime::new(&Options::default()).unwrap();
    let module = runtime.load(HELLO.as_bytes()).unwrap();
    let mut job = Job::new(module.cid());
    job.inputs.insert("/inputs".into(), None);
    let inputs: Inputs = [("/inputs".into(), std::sync::Arc::new(HostTree::open(&input).unwrap()) as _)].into();
    let minute = std::time::Duration::from_mins(1);
    let receipt = runtime.run(&module, &job, &inputs, &dir.path().join("again"), minute).unwrap();
    assert_eq!(receipt.claim, claim);
}

/// The header has each function of the library, and the library has no symbols of others.
#[test]
fn the_header_has_what_the_library_exports() {
    let output = succeed(Command::new("nm").args(["-D", "--defined-only"]).arg(built("libbacalhau_runtime_capi.so")));
    let symbols = String::from_utf8(output.stdout).unwrap();
    let exported: BTreeSet<&str> = symbols.lines().filter_map(|line| line.split(' ').nth(2)).collect();
    let header = std::fs::read_to_string(format!("{HERE}/include/bacalhau_runtime.h")).unwrap();
    let declared: BTreeSet<&str> = header
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '(')
        .filter_map(|word| word.split_once('(').map(|(name, _)| name))
        .filter(|name| name.starts_with("bh_"))
        .collect();
    assert_eq!(exported, declared);
    let name = succeed(Command::new("readelf").arg("-d").arg(built("libbacalhau_runtime_capi.so"))).stdout;
    assert!(String::from_utf8_lossy(&name).contains("soname: [libbacalhau_runtime.so.1]"));
}
