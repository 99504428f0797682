//! C programs against the shared and the static library, as others build them.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unsafe_code, reason = "the functions of a C interface are called")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::ptr;
use std::time::{Duration, Instant};

use bacalhau_cas::piece::Commitment;
use bacalhau_runtime::{HostTree, Inputs, Job, Options, Pool, PoolOptions, Receipt, Runtime};
use bacalhau_runtime_capi::data::View;
use bacalhau_runtime_capi::module::{bh_module_free, bh_module_load};
use bacalhau_runtime_capi::run::{bh_run_free, bh_run_new, bh_run_wait};
use bacalhau_runtime_capi::runtime::{bh_runtime_free, bh_runtime_new};
use bacalhau_runtime_capi::status::BH_OK;
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

/// A directory in memory, where there is one: what the disk takes is no matter of these tests.
fn quick_place() -> PathBuf {
    let shm = PathBuf::from("/dev/shm");
    if shm.is_dir() { shm } else { std::env::temp_dir() }
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

/// Runs a build of `misuse.c`, with an empty directory and a piece.
fn misuse(program: &mut Command) {
    let (empty, kept) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let piece = kept.path().join("piece");
    let bytes = b"hello".repeat(100);
    std::fs::write(&piece, &bytes).unwrap();
    let cid = Commitment::of("a test", &bytes[..]).unwrap().cid_v2().to_string();
    program.env("EMPTY_DIR", empty.path()).env("KEPT", kept.path()).env("PIECE", &piece).env("PIECE_CID", cid);
    succeed(program);
}

#[test]
fn misuse_is_answered() {
    let (lib, dir) = (installed(), TempDir::new().unwrap());
    let program = dir.path().join("misuse");
    compile("tests/c/misuse.c", lib.path(), &program, &[]);
    misuse(Command::new(&program).env("LD_LIBRARY_PATH", lib.path()));
}

/// Valgrind does not know the stacks that the engine switches; the sanitizer sees what is freed twice, late or not at all.
#[test]
fn misuse_is_clean_under_the_address_sanitizer() {
    let (lib, dir) = (installed(), TempDir::new().unwrap());
    let program = dir.path().join("misuse");
    compile("tests/c/misuse.c", lib.path(), &program, &["-fsanitize=address"]);
    // The engine handles the signals of programs in the sandbox.
    let options = "detect_leaks=1:handle_segv=0:handle_sigill=0:handle_sigfpe=0";
    let mut sanitized = Command::new(&program);
    misuse(sanitized.env("ASAN_OPTIONS", options).env("LD_LIBRARY_PATH", lib.path()));
}

#[test]
fn the_static_library_is_enough() {
    let dir = TempDir::new().unwrap();
    let program = dir.path().join("misuse");
    let mut gcc = Command::new("gcc");
    gcc.args(["-std=gnu11", "-pthread", "-o"]).arg(&program).arg(format!("{HERE}/tests/c/misuse.c"));
    gcc.args(["-I", &format!("{HERE}/include")]).arg(built("libbacalhau_runtime_capi.a")).args(["-ldl", "-lm"]);
    succeed(&mut gcc);
    misuse(&mut Command::new(&program));
}

/// 100 runs at a time, and the memory of an embedder after 10,000.
#[test]
fn many_runs_neither_fail_nor_take_memory() {
    let (lib, dir) = (installed(), TempDir::new().unwrap());
    let program = dir.path().join("many");
    compile("tests/c/many.c", lib.path(), &program, &[]);
    let output = succeed(Command::new(&program).env("LD_LIBRARY_PATH", lib.path()).env("TMPDIR", quick_place()));
    println!("{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn two_static_libraries_in_rust_are_in_one_program() {
    let dir = TempDir::new().unwrap();
    let (program, other) = (dir.path().join("two"), dir.path().join("libother.a"));
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "--crate-type", "staticlib", "-o"]).arg(&other).current_dir(HERE);
    succeed(rustc.arg("tests/c/other.rs"));
    // In both orders, since the linker takes what both have from the first.
    let ours = built("libbacalhau_runtime_capi.a");
    for libraries in [[&ours, &other], [&other, &ours]] {
        let mut gcc = Command::new("gcc");
        gcc.args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"]).arg(&program);
        gcc.arg(format!("{HERE}/tests/c/two.c")).args(["-I", &format!("{HERE}/include")]);
        succeed(gcc.args(libraries).args(["-ldl", "-lm"]));
        succeed(&mut Command::new(&program));
    }
}

#[test]
fn a_library_that_is_closed_stays_loaded() {
    let (lib, dir) = (installed(), TempDir::new().unwrap());
    let program = dir.path().join("unload");
    let mut gcc = Command::new("gcc");
    gcc.args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&program);
    gcc.arg(format!("{HERE}/tests/c/unload.c")).args(["-I", &format!("{HERE}/include"), "-ldl"]);
    succeed(&mut gcc);
    succeed(Command::new(&program).env("LD_LIBRARY_PATH", lib.path()));
}

/// What a run through the C interface takes more than one of the Rust library, in one process: the difference of the lower
/// quartiles of many runs, by turns. On a busy machine a round may be disturbed, so there are some.
#[test]
fn a_run_through_c_takes_hardly_longer() {
    const ROUNDS: usize = 8;
    const RUNS: usize = 1000;
    const MOST: Duration = Duration::from_micros(5);
    const NONE: View = View { ptr: ptr::null(), len: 0 };
    let source = br#"(module (func (export "_start")))"#;
    let runtime = Runtime::new(&Options::default()).unwrap();
    let module = runtime.load(source).unwrap();
    let place = TempDir::new_in(quick_place()).unwrap();
    let pool = Pool::new(&runtime, place.path(), PoolOptions::default());
    let in_rust = || {
        let run = pool.start(&module, Job::new(module.cid()), Inputs::new(), Duration::MAX).unwrap();
        run.wait().unwrap();
    };
    let options = format!(r#"{{"workplace": {:?}}}"#, place.path());
    let (mut handle, mut program) = (ptr::null_mut(), ptr::null_mut());
    let view = |bytes: &[u8]| View { ptr: bytes.as_ptr(), len: bytes.len() };
    // SAFETY: by the rules of the header.
    unsafe {
        assert_eq!(bh_runtime_new(view(options.as_bytes()), &raw mut handle, ptr::null_mut()), BH_OK);
        assert_eq!(bh_module_load(handle, view(source), &raw mut program, ptr::null_mut()), BH_OK);
    }
    let through_c = || {
        let mut run = ptr::null_mut();
        // SAFETY: by the rules of the header.
        unsafe {
            let inputs = ptr::null();
            assert_eq!(bh_run_new(handle, program, NONE, inputs, u64::MAX, &raw mut run, ptr::null_mut()), BH_OK);
            assert_eq!(bh_run_wait(run, u64::MAX, ptr::null_mut()), BH_OK);
            bh_run_free(run);
        }
    };
    let time = |run: &dyn Fn()| {
        let began = Instant::now();
        run();
        began.elapsed()
    };
    let round = || {
        let (mut rust, mut c): (Vec<_>, Vec<_>) = (0..RUNS).map(|_| (time(&in_rust), time(&through_c))).unzip();
        rust.sort_unstable();
        c.sort_unstable();
        println!("an empty job: {:?} in Rust, {:?} through C", rust[RUNS / 4], c[RUNS / 4]);
        c[RUNS / 4] < rust[RUNS / 4] + MOST
    };
    assert!(
        (0..ROUNDS).any(|_| round()),
        "a run through C took {MOST:?} more than one in Rust in each of {ROUNDS} rounds"
    );
    // SAFETY: by the rules of the header.
    unsafe {
        bh_module_free(program);
        bh_runtime_free(handle);
    }
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
    let minute = Duration::from_mins(1);
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
