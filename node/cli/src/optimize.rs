//! The background process that optimizes a module after `wasm run` or `verify` with `--tier auto`. It runs on its own
//! and with resource limits.
//!
//! It reads the module from standard input, an unnamed file. It has no terminal, other files or environment of the
//! command. One process at a time works on a cache directory; further ones end at once.

use std::fs::File;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

use bacalhau_runtime::{AddressSpace, Link, Options, Runtime};
use clap::Args;
use rustix::process::{Resource, Rlimit};

use super::exit::{Exit, Failure};

/// Name of the hidden command.
pub(super) const VERB: &str = "optimize-module";
/// Nice value, of 19 at most.
const NICE: i32 = 10;
/// Limit of processor time in seconds. The largest known module takes one minute.
const CPU_SECONDS: u64 = 1200;
/// Memory limit in bytes. The largest known module takes less than half.
const MEMORY_BYTES: u64 = 4 << 30;
/// Maximum number of compile threads.
const MOST_THREADS: usize = 4;

/// Optimise the module on standard input for the cache
#[derive(Args, Debug)]
pub(super) struct Optimize {
    /// Cache directory
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
    #[allow(clippy::zombie_processes, reason = "it continues when this process ends")]
    command.spawn().map(drop)
}

impl Optimize {
    /// Detaches from the starting command, and optimizes.
    ///
    /// # Errors
    /// When the module cannot be read or compiled. The error is not shown.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        leave();
        bound();
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
        // The limit of addresses is that of this process alone: the command runs the module.
        let mut options = Options::default()
            .with_cache_dir(&self.cache_dir)
            .with_module_bytes(u64::MAX)
            .with_address_space(AddressSpace::Large);
        options.threads = NonZero::new(threads);
        Runtime::new(&options)?.optimize(io::stdin().lock())?;
        Ok(Exit::Success)
    }
}

/// Leaves the session and closes inherited descriptors: a lock, or a pipe that another process reads to its end.
fn leave() {
    // Fails if the process leads a session already.
    let _ = rustix::process::setsid();
    let Ok(open) = fs::read_dir("/dev/fd") else { return };
    let numbers: Vec<i32> = open.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    // The descriptor of the listing was included and is closed by now.
    let is_open = |number: &i32| fs::symlink_metadata(format!("/dev/fd/{number}")).is_ok();
    for number in numbers.into_iter().filter(|number| *number > 2).filter(is_open) {
        #[expect(unsafe_code, reason = "no owner of these exists in this process")]
        // SAFETY: the descriptor is open and was inherited, so nothing in this process owns it.
        unsafe {
            rustix::io::close(number);
        };
    }
}

/// Applies resource limits. Limits that cannot be set are skipped.
fn bound() {
    let limit = |resource, most| {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        let _ = rustix::process::setrlimit(resource, limit);
    };
    limit(Resource::Cpu, CPU_SECONDS);
    limit(Resource::Data, MEMORY_BYTES);
    limit(Resource::Core, 0);
    let _ = rustix::process::nice(NICE);
    // Under memory pressure the kernel kills this process first.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
}
