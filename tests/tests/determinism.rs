//! One job over everything that must not matter: how the input was made, where it lies, what the process was started
//! with, what is cached, how many run at once, how the module is executed. Every claim is the same to the byte.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use std::collections::BTreeSet;
use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, SystemTime};

use bacalhau_runtime::{Backend, MAX_STACK_BYTES, Options, Receipt, Runtime, Tier};
use bacalhau_tests::{RUNTIME, Run, cargo, guests};
use tempfile::TempDir;

const BACKENDS: [Backend; 4] = [Backend::Optimized, Backend::Baseline, Backend::Unoptimized, Backend::Interpreter];

/// The files of the input.
const FILES: [(&str, &str); 8] = [
    ("a", "first\n"),
    ("b", "second\n"),
    ("B", "capital\n"),
    ("empty", ""),
    ("dir/one", "1\n"),
    ("dir/two", "2\n"),
    ("dir/deep/er/f", "deep\n"),
    ("ünïcode", "ü\n"),
];

/// Makes the input: in this order, with these modes, this old, and with traces of other files on the way.
fn make_input(at: &Path, backwards: bool) {
    let mut files = FILES;
    if backwards {
        files.reverse();
        fs::create_dir_all(at.join("dir/zzz")).unwrap();
        // Directories that were once large stay so on some file systems.
        for n in 0..500 {
            fs::write(at.join(format!("was-here-{n}")), "").unwrap();
        }
    }
    for (name, content) in files {
        let path = at.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        if backwards {
            let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
            let file = File::options().append(true).open(&path).unwrap();
            file.set_times(FileTimes::new().set_modified(long_ago).set_accessed(long_ago)).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        }
    }
    std::os::unix::fs::symlink("dir/one", at.join("link")).unwrap();
    if backwards {
        for n in 0..500 {
            fs::remove_file(at.join(format!("was-here-{n}"))).unwrap();
        }
        fs::remove_dir(at.join("dir/zzz")).unwrap();
        fs::set_permissions(at.join("dir"), Permissions::from_mode(0o500)).unwrap();
    }
}

/// A directory whose input can be deleted again, whatever its modes are.
struct Input(TempDir);

impl Input {
    fn new(parent: &Path, backwards: bool) -> Self {
        let dir = TempDir::new_in(parent).unwrap();
        make_input(&dir.path().join("input"), backwards);
        Self(dir)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("input")
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        let _ = fs::set_permissions(self.path().join("dir"), Permissions::from_mode(0o700));
    }
}

/// Two differently made copies on each file system that is at hand.
fn inputs() -> Vec<Input> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut parents = vec![target.to_path_buf()];
    // A file system in memory, where the machine has one: its listings have another order.
    parents.extend([PathBuf::from("/dev/shm")].into_iter().filter(|parent| tempfile::tempfile_in(parent).is_ok()));
    parents.iter().flat_map(|parent| [Input::new(parent, false), Input::new(parent, true)]).collect()
}

fn job(input: &Path) -> Run {
    Run::of(guests::PROBE_EVERYTHING)
        .input("/inputs", input)
        .arg("--flag")
        .env("KEY", "value")
        .job(|job| job.seed = 42)
        .job(|job| job.outputs.extend([("second".into(), "/elsewhere/deep".into())]))
}

fn claim(runtime: &Runtime, input: &Path) -> Vec<u8> {
    let results = TempDir::new().unwrap();
    let receipt = job(input).run(runtime, &results.path().join("results")).unwrap();
    assert!(receipt.claim.outcome.is_success(), "{}", receipt.claim.outcome);
    receipt.claim.to_dag_cbor()
}

/// The claim that all others are compared with.
static REFERENCE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let input = Input::new(Path::new(env!("CARGO_TARGET_TMPDIR")), false);
    claim(&RUNTIME, &input.path())
});

#[track_caller]
fn assert_same(claim: &[u8], what: &str) {
    if claim != *REFERENCE {
        let receipt = |claim: &[u8]| String::from_utf8_lossy(claim).into_owned();
        panic!("another claim with {what}:\n{}\nreference:\n{}", receipt(claim), receipt(&REFERENCE));
    }
}

#[test]
fn inputs_backends_and_caches_do_not_matter() {
    let inputs = inputs();
    for backend in BACKENDS {
        let cache = TempDir::new().unwrap();
        let options = Options::default().with_tier(Tier::Only(backend)).with_cache_dir(cache.path());
        for temperature in ["cold", "warm"] {
            let runtime = Runtime::new(&options).unwrap();
            let module = fs::read(guests::PROBE_EVERYTHING).unwrap();
            assert_eq!(runtime.load(&module).unwrap().is_from_cache(), temperature == "warm");
            for input in &inputs {
                let what = format!("{backend:?}, a {temperature} cache and {}", input.path().display());
                assert_same(&claim(&runtime, &input.path()), &what);
            }
        }
    }
}

#[test]
fn every_end_is_the_same_on_every_backend() {
    // How a run ends, and how far it got: results so far, fuel, the file at which a limit was met.
    let ends = [
        ("fuel", Run::of(guests::HOSTILE_FILE_BOMB).limits(|limits| limits.fuel = 20_000_000)),
        (
            "fuel between host calls",
            Run::of(guests::HOSTILE_ENDLESS_TAIL_CALLS).limits(|limits| limits.fuel = 1_234_567),
        ),
        ("stack", Run::of(guests::HOSTILE_DEEP_RECURSION)),
        (
            "the largest stack",
            Run::of(guests::HOSTILE_DEEP_RECURSION).limits(|limits| limits.stack_bytes = MAX_STACK_BYTES),
        ),
        ("stack of big frames", Run::of(guests::HOSTILE_INDIRECT_RECURSION)),
        ("log", Run::of(guests::HOSTILE_LOG_BOMB).limits(|limits| limits.log_bytes = 12_345)),
        ("output", Run::of(guests::HOSTILE_BYTE_BOMB).limits(|limits| limits.output_bytes = 1_234_567)),
        ("files", Run::of(guests::HOSTILE_DIR_BOMB).limits(|limits| limits.output_files = 123)),
        ("memory", Run::of(guests::HOSTILE_MEMORY_HOG).limits(|limits| limits.memory_bytes = 12_345_678)),
        ("no memory", Run::of(guests::HOSTILE_MEMORY_ABORT).limits(|limits| limits.memory_bytes = 12_345_678)),
        ("trap", Run::of(guests::TRAP_DIVISION_BY_ZERO)),
        ("panic", Run::of(guests::PROBE_PANIC)),
        ("exit", Run::of(guests::PROBE_EXIT).arg("42")),
        ("bits of NaN", Run::of(guests::PROBE_NAN)),
    ];
    let runtimes = BACKENDS.map(|backend| Runtime::new(&Options::default().with_tier(Tier::Only(backend))).unwrap());
    for (what, run) in &ends {
        let [optimized, others @ ..] = runtimes.each_ref().map(|runtime| {
            let results = TempDir::new().unwrap();
            run.run(runtime, &results.path().join("results")).unwrap()
        });
        for other in others {
            assert_eq!(other.claim, optimized.claim, "{what}, {}", other.unclaimed.backend);
        }
    }
}

#[test]
fn company_does_not_matter() {
    let input = Input::new(Path::new(env!("CARGO_TARGET_TMPDIR")), false);
    let path = input.path();
    for threads in [1, 8] {
        thread::scope(|scope| {
            let runs: Vec<_> = (0..threads).map(|_| scope.spawn(|| claim(&RUNTIME, &path))).collect();
            for run in runs {
                assert_same(&run.join().unwrap(), &format!("{threads} threads"));
            }
        });
    }
}

#[test]
fn one_module_is_shared_by_twenty_runs_of_four_threads() {
    let module = RUNTIME.load(&fs::read(guests::PROBE_EVERYTHING).unwrap()).unwrap();
    let job = bacalhau_runtime::Job::new(module.cid());
    let run = || -> Vec<_> {
        let once = |_| {
            let results = TempDir::new().unwrap();
            let dir = results.path().join("results");
            let inputs = bacalhau_runtime::Inputs::new();
            RUNTIME.run(&module, &job, &inputs, &dir, bacalhau_tests::PATIENCE).unwrap().claim.to_dag_cbor()
        };
        (0..5).map(once).collect()
    };
    let claims: BTreeSet<Vec<u8>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(claims.len(), 1);
}

#[test]
fn the_process_does_not_matter() {
    let input = Input::new(Path::new(env!("CARGO_TARGET_TMPDIR")), true);
    let place = TempDir::new().unwrap();
    let elsewhere = TempDir::new().unwrap();
    let process = |name: &str, change: &dyn Fn(&mut Command)| {
        let dir = place.path().join(name);
        let mut command = Command::new(bacalhau());
        command
            .args(["wasm", "run", guests::PROBE_EVERYTHING, "--verifier", "noop", "--seed", "42", "-e", "KEY=value"])
            .args(["-o", "outputs:/outputs", "-o", "second:/elsewhere/deep", "--output", "json"])
            .args(["-i", &format!("{}:/inputs", input.path().display())])
            .arg("--output-dir")
            .arg(&dir)
            .args(["--", "--flag"])
            .env("XDG_CACHE_HOME", place.path().join("cache"));
        change(&mut command);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let receipt = Receipt::parse(&fs::read(receipt_below(&dir)).unwrap()).unwrap();
        assert_same(&receipt.claim.to_dag_cbor(), name);
    };
    process("nothing special", &|_| {});
    process("another current directory", &|command| {
        command.current_dir(elsewhere.path());
    });
    process("another time zone", &|command| {
        command.env("TZ", "Pacific/Kiritimati");
    });
    process("another language", &|command| {
        command.env("LANG", "tr_TR.UTF-8").env("LC_ALL", "tr_TR.UTF-8");
    });
    process("an environment of its own", &|command| {
        command.env("KEY", "other").env("RUST_BACKTRACE", "1").env("PWD", "/nowhere").env("TMPDIR", elsewhere.path());
    });
    process("hardly any environment", &|command| {
        command.env_clear().env("HOME", elsewhere.path());
    });
    process("a strict umask", &|command| umask(command, "077"));
    process("a lax umask", &|command| umask(command, "000"));
    process("its input as standard input", &|command| {
        command.stdin(File::open(input.path().join("a")).unwrap());
    });
    process("one thread", &|command| {
        command.env("RAYON_NUM_THREADS", "1");
    });
    process("another name", &|command| {
        command.arg0("renamed");
    });
}

/// Has a shell set the umask, which only the process itself can.
fn umask(command: &mut Command, mask: &str) {
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask \"$0\" && exec \"$@\"", mask]).arg(command.get_program()).args(command.get_args());
    shell.envs(command.get_envs().filter_map(|(key, value)| value.map(|value| (key, value))));
    *command = shell;
}

/// Where the command kept its receipt.
fn receipt_below(dir: &Path) -> PathBuf {
    let alone = dir.join("executions/0/receipt.cbor");
    [dir.join("receipt.cbor"), dir.join("executions/1/receipt.cbor"), alone]
        .into_iter()
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("no receipt in {}", dir.display()))
}

/// The command, as `cargo test --workspace` has built it beside the tests; built now where it has not, or not lately.
fn bacalhau() -> &'static Path {
    static BACALHAU: LazyLock<PathBuf> = LazyLock::new(|| {
        let tests = std::env::current_exe().unwrap();
        let profile = tests.parent().and_then(Path::parent).unwrap();
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let built = profile.join("bacalhau");
        let sources = newest(&top.join("node")).max(newest(&top.join("runtime/src")));
        if fs::metadata(&built).and_then(|file| file.modified()).is_ok_and(|at| at > sources) {
            return built;
        }
        let mut cargo = cargo();
        // Not `--package`, with which dependencies have other features and are built again.
        cargo.args(["build", "--bin", "bacalhau", "--target-dir"]);
        cargo.arg(profile.parent().unwrap()).current_dir(top);
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success(), "the command does not build");
        built
    });
    &BACALHAU
}

/// When a file below `dir` was last changed.
fn newest(dir: &Path) -> SystemTime {
    let times = fs::read_dir(dir).unwrap().map(|entry| {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            newest(&entry.path())
        } else {
            entry.metadata().unwrap().modified().unwrap()
        }
    });
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}
