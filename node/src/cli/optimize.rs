//! The process that optimises a module after the command that ran it: started by `wasm run` and `verify` with `--tier auto`,
//! on its own from then on, and bounded in all that it may use.
//!
//! The module is its standard input, a file without a name. It has no terminal, no other file and no environment of the
//! command's, so nobody waits for it. One at a time works on a cache directory; more than one are over at once.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

use bacalhau_runtime::{HostFailure, Link, Options, Runtime};
use clap::Args;
use rayon::ThreadPoolBuilder;
use rustix::process::{Resource, Rlimit};

use super::exit::{Exit, Failure};

/// Its name on the command line. Nobody types it.
pub(super) const VERB: &str = "optimize-module";
/// By how much it gives way to everything else, on a scale of 19.
const NICE: i32 = 10;
/// Processor time. The largest module that we know takes a minute.
const CPU_SECONDS: u64 = 1200;
/// Memory of its own. The largest module that we know takes less than half.
const MEMORY_BYTES: u64 = 4 << 30;
/// Threads that compile.
const MOST_THREADS: usize = 4;

/// Optimise the module on standard input for the cache
#[derive(Args, Debug)]
pub(super) struct Optimize {
    /// The cache
    #[arg(long)]
    cache_dir: PathBuf,
}

/// Starts the process for `module`.
///
/// # Errors
/// When it cannot be started.
pub(super) fn start(_: Link, module: File, cache_dir: &Path) -> io::Result<()> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(VERB).arg("--cache-dir").arg(cache_dir.canonicalize()?);
    command.env_clear().current_dir("/").stdin(module).stdout(Stdio::null()).stderr(Stdio::null());
    #[allow(clippy::zombie_processes, reason = "nobody waits: it goes on when this process ends")]
    command.spawn().map(drop)
}

impl Optimize {
    /// Leaves the command that started this process, and optimises.
    ///
    /// # Errors
    /// When the module cannot be read or compiled. Nobody hears of it.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        leave();
        bound();
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
        ThreadPoolBuilder::new()
            .num_threads(threads)
            .build_global()
            .map_err(|error| HostFailure::new(error.to_string()))?;
        let options = Options { cache_dir: Some(self.cache_dir.clone()), module_bytes: u64::MAX, ..Options::default() };
        Runtime::new(&options)?.optimize(io::stdin().lock())?;
        Ok(Exit::Success)
    }
}

/// Leaves the session, and closes what a script had open when it started the command: a lock, or a pipe that another
/// process reads to its end.
fn leave() {
    // It leads a session already when somebody starts it on its own.
    let _ = rustix::process::setsid();
    let Ok(open) = fs::read_dir("/dev/fd") else { return };
    let numbers: Vec<i32> = open.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    // The directory of the list was in it, and is closed by now.
    let is_open = |number: &i32| fs::symlink_metadata(format!("/dev/fd/{number}")).is_ok();
    for number in numbers.into_iter().filter(|number| *number > 2).filter(is_open) {
        #[expect(unsafe_code, reason = "no owner of these exists in this process")]
        // SAFETY: it is open, and this process has not opened it: it came with the command.
        unsafe {
            rustix::io::close(number);
        };
    }
}

/// Holds the process to its bounds. What cannot be bounded here is left as it is: all of it is a courtesy.
fn bound() {
    let limit = |resource, most| {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        let _ = rustix::process::setrlimit(resource, limit);
    };
    limit(Resource::Cpu, CPU_SECONDS);
    limit(Resource::Data, MEMORY_BYTES);
    limit(Resource::Core, 0);
    let _ = rustix::process::nice(NICE);
    // Where memory runs out, this process is the first to go.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
}
