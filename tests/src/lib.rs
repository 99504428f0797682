//! The harness of the end-to-end tests: runs a guest in the real runtime and says what a user would notice.
//!
//! The guests are in `guests/`, in groups by the first part of their names; each group has a file in `tests/`, which
//! does not compile as long as one of them has no test there:
//!
//! | group | what its guests do | tested in |
//! |---|---|---|
//! | `hostile` | attack: run for ever, eat everything, try to get out | `hostile.rs` |
//! | `trap` | raise each kind of trap | `traps.rs` |
//! | `entry`, `refused` | begin in unusual ways; must not begin at all | `entry.rs` |
//! | `probe` | sense whatever can be sensed | `probe.rs` |
//! | `p1` | call WASI preview 1 directly, and know every code that it has to answer | `p1.rs` |
//! | `std`, `c` | use files as Rust's and C's standard libraries do | `std_files.rs` |
//! | `bench` | are what `benches/` measures | `bench.rs` |
//!
//! A guest checks for itself what it can, and panics when something is not as it should be.
//!
//! Beside them, `determinism.rs` runs one job over everything that must not matter, `tiers.rs` a large module in each of
//! its compiled forms, `inputs.rs` has inputs that fail, `changed.rs` inputs that change, `late.rs` ones that block, `concurrent.rs`
//! runs that share theirs, and `examples.rs` runs what the README shows.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test that cannot go on has to fail")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use std::{env, fs};

use bacalhau_runtime::{Error, HostTree, Inputs, Job, Limits, Link, Options, Outcome, Profile, Receipt, Runtime, Tree};
use tempfile::TempDir;

pub mod examples;

/// Where each guest is, and the macros that name all guests of a group.
pub mod guests {
    include!(concat!(env!("OUT_DIR"), "/guests.rs"));
}

/// Far more than any test takes: when the watchdog fires, something that should have been bounded was not.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// The runtime of this process's tests: one for all threads, without a cache, so that nothing old is run.
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new(&Options::default()).unwrap());

/// Declares one test for each of these guests: it runs without arguments and has to end with code 0.
#[macro_export]
macro_rules! succeed {
    ($($name:ident = $guest:ident)*) => {
        $(#[test] fn $name() { $crate::Run::of($crate::guests::$guest).succeed(); })*
    };
}

/// A run that is being prepared.
#[derive(Debug)]
#[must_use = "nothing is run before `end`, `succeed` or `refusal`"]
pub struct Run {
    guest: &'static str,
    job: Job,
    inputs: Inputs,
    /// The job has Profile V1, whatever the guest needs.
    keeps_profile: bool,
}

impl Run {
    /// A run of a guest: a constant of [`guests`].
    pub fn of(guest: &'static str) -> Self {
        // The module's CID is filled in when it is loaded.
        Self { guest, job: Job::new(Link::of_raw(b"")), inputs: Inputs::new(), keeps_profile: false }
    }

    /// Adds an argument after `argv[0]`.
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.job.args.push(arg.into());
        self
    }

    /// Adds an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.job.env.insert(name.into(), value.into());
        self
    }

    /// Puts a directory or file of the host at a place of the guest's tree.
    pub fn input(self, place: &str, source: &Path) -> Self {
        self.tree(place, HostTree::open(source).unwrap())
    }

    /// Puts any tree at a place of the guest's tree.
    pub fn tree(mut self, place: &str, tree: impl Tree + 'static) -> Self {
        self.job.inputs.insert(place.into(), None);
        self.inputs.insert(place.into(), Arc::new(tree));
        self
    }

    /// Changes the job in any other way.
    pub fn job(mut self, change: impl FnOnce(&mut Job)) -> Self {
        change(&mut self.job);
        self
    }

    /// Keeps Profile V1, also for a guest that it does not have.
    pub fn of_v1(mut self) -> Self {
        self.keeps_profile = true;
        self
    }

    /// Changes the limits.
    pub fn limits(self, change: impl FnOnce(&mut Limits)) -> Self {
        self.job(|job| change(&mut job.limits))
    }

    /// Runs it to its end, whatever that is.
    pub fn end(self) -> Ended {
        let results = TempDir::new().unwrap();
        let dir = results.path().join("results");
        match self.run(&RUNTIME, &dir) {
            Ok(receipt) => Ended { receipt, dir, _results: results },
            Err(error) => panic!("{}: no receipt: {error}", self.guest),
        }
    }

    /// Runs it, and fails with what it wrote to stderr unless it ends with code 0.
    pub fn succeed(self) -> Ended {
        let guest = self.guest;
        let ended = self.end();
        assert_eq!(ended.outcome(), Outcome::Exit(0), "{guest} wrote to stderr:\n{}", ended.text("stderr"));
        ended
    }

    /// Why it is not run at all. Fails when it is, or when the host failed.
    pub fn refusal(self) -> String {
        let results = TempDir::new().unwrap();
        let dir = results.path().join("results");
        match self.run(&RUNTIME, &dir) {
            Err(Error::Refused(refusal)) => {
                assert!(!dir.exists(), "a refused job leaves no results");
                refusal.to_string()
            }
            Err(Error::Host(failure)) => panic!("{}: {failure}", self.guest),
            Ok(receipt) => panic!("{} was not refused: {}", self.guest, receipt.claim.outcome),
        }
    }

    /// Runs it in a runtime of the caller's, into a directory that does not exist yet.
    ///
    /// # Errors
    /// Whatever the runtime says.
    pub fn run(&self, runtime: &Runtime, results: &Path) -> Result<Receipt, Error> {
        self.run_within(PATIENCE, runtime, results)
    }

    /// The same within a time-out of the caller's.
    ///
    /// # Errors
    /// Whatever the runtime says.
    pub fn run_within(&self, timeout: Duration, runtime: &Runtime, results: &Path) -> Result<Receipt, Error> {
        let module = runtime.load(&fs::read(self.guest).unwrap())?;
        let mut job = self.job.clone();
        job.module = module.cid();
        if job.profile == Profile::V1.id() && !self.keeps_profile {
            job.profile = module.profile().id();
        }
        runtime.run(&module, &job, &self.inputs, results, timeout)
    }
}

/// A run that has ended, and its results as long as this is kept.
#[derive(Debug)]
pub struct Ended {
    /// What the runtime says of the run.
    pub receipt: Receipt,
    /// The results directory.
    pub dir: PathBuf,
    _results: TempDir,
}

impl Ended {
    /// How the run ended.
    pub fn outcome(&self) -> Outcome {
        self.receipt.claim.outcome
    }

    /// The bytes of a result file: `stdout`, `outputs/report`.
    #[track_caller]
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.dir.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The text of a result file.
    #[track_caller]
    pub fn text(&self, name: &str) -> String {
        String::from_utf8_lossy(&self.bytes(name)).into_owned()
    }

    /// The names of the result files, in the order in which they are hashed.
    pub fn files(&self) -> Vec<&str> {
        self.receipt.claim.files.iter().map(|file| file.name.as_str()).collect()
    }
}

/// Cargo, without what the cargo that runs the tests has told them about themselves: build scripts that look at it would
/// run once more, in here and again outside.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    for (key, _) in env::vars_os() {
        let name = key.to_string_lossy();
        let told =
            ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_TARGET_TMPDIR", "CARGO_PRIMARY_"];
        if name == "OUT_DIR" || told.iter().any(|prefix| name.starts_with(prefix)) {
            cargo.env_remove(&key);
        }
    }
    cargo
}

/// A directory with these files, for an input: names with `/` in them make directories.
pub fn tree(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, content) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    dir
}

/// The input that most guests expect at `/inputs`: `f` and `dir/g`.
pub fn small_tree() -> TempDir {
    tree(&[("f", "input\n"), ("dir/g", "deeper\n")])
}
