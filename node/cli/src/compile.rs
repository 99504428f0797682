//! The child process that compiles a module for a serving node (see `compute::compile`). It reads the module from
//! standard input, reports on standard output, and writes the compiled module to the cache. It applies its resource
//! limits before it reads any input, and ends with the node.

use std::io::{self, Read as _};
use std::num::NonZero;
use std::path::PathBuf;
use std::{env, fs};

use bacalhau_runtime::{AddressSpace, Error, HostFailure, Options, Runtime};
use clap::Args;
use rustix::process::{Resource, Rlimit, getppid, setrlimit};

use super::exit::{Exit, Failure};
use super::output;
use bacalhau_compute::{CompileCommand, CompileReport};

/// Name of the hidden command.
pub(super) const VERB: &str = "compile-module";
/// Nice value of an optimization, of 19 at most.
const NICE: i32 = 10;

/// Compile the module on standard input for the cache
#[derive(Args, Debug)]
pub(super) struct Compile {
    /// Cache directory
    #[arg(long)]
    cache_dir: PathBuf,

    /// Memory limit in bytes
    #[arg(long)]
    memory_bytes: u64,

    /// Processor time limit in seconds
    #[arg(long)]
    cpu_seconds: u64,

    /// Number of threads
    #[arg(long)]
    threads: usize,

    /// Process ID of the parent; this process ends with it
    #[arg(long)]
    parent: i32,

    /// Compile optimized, at low priority
    #[arg(long)]
    optimize: bool,
}

/// The command that starts compile processes. On Linux it is the running executable, even if the file was replaced.
///
/// # Errors
/// When the path of the executable is unknown.
pub(super) fn command() -> Result<CompileCommand, HostFailure> {
    let own = PathBuf::from("/proc/self/exe");
    let program = if own.exists() { Ok(own) } else { env::current_exe() };
    let program = program.map_err(|error| HostFailure::io("find the program that compiles modules", error))?;
    Ok(CompileCommand::new(program, VERB))
}

impl Compile {
    /// Compiles and reports the outcome.
    ///
    /// # Errors
    /// When the outcome cannot be written.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let report = match self.compile() {
            Ok(()) => CompileReport::Compiled,
            Err(Error::Refused(refusal)) => CompileReport::Refused { message: refusal.to_string() },
            Err(Error::Host(failure)) => CompileReport::Failed { message: failure.to_string() },
        };
        output::line(&report.line())?;
        Ok(Exit::Success)
    }

    fn compile(&self) -> Result<(), Error> {
        self.end_with_parent()?;
        self.bound()?;
        // The node has already compared the size of the module with its limit. The limit of addresses is that of this process
        // alone: the node runs the module.
        let mut options = Options::default()
            .with_cache_dir(&self.cache_dir)
            .with_module_bytes(u64::MAX)
            .with_address_space(AddressSpace::Large);
        options.threads = NonZero::new(self.threads);
        let runtime = Runtime::new(&options)?;
        if self.optimize {
            return runtime.optimize(io::stdin().lock()).map(drop);
        }
        let mut module = Vec::new();
        io::stdin().lock().read_to_end(&mut module).map_err(|error| HostFailure::io("read the module", error))?;
        runtime.compile(&module)
    }

    /// Requests a kill of this process when the node ends.
    fn end_with_parent(&self) -> Result<(), HostFailure> {
        #[cfg(target_os = "linux")]
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
            .map_err(|error| HostFailure::io("end with the node", error.into()))?;
        let parent = self.parent;
        let is_there = move || getppid().is_some_and(|found| found.as_raw_nonzero().get() == parent);
        if !is_there() {
            return Err(HostFailure::new("the parent node has ended"));
        }
        #[cfg(not(target_os = "linux"))]
        std::thread::spawn(move || {
            while is_there() {
                std::thread::sleep(std::time::Duration::from_millis(200));
            }
            std::process::exit(1);
        });
        Ok(())
    }

    /// Applies the resource limits.
    fn bound(&self) -> Result<(), HostFailure> {
        let limit = |name: &str, resource, current, maximum| {
            let limit = Rlimit { current: Some(current), maximum: Some(maximum) };
            setrlimit(resource, limit)
                .map_err(|error| HostFailure::io(format!("limit the {name} of the compile process"), error.into()))
        };
        limit("memory", Resource::Data, self.memory_bytes, self.memory_bytes)?;
        // One second later the hard limit sends SIGKILL, which the node cannot distinguish from other causes.
        limit("processor time", Resource::Cpu, self.cpu_seconds, self.cpu_seconds.saturating_add(1))?;
        limit("core file", Resource::Core, 0, 0)?;
        if self.optimize {
            // Without permission, the priority stays as it is.
            let _ = rustix::process::nice(NICE);
        }
        // Under memory pressure the kernel kills this process before the node.
        let _ = fs::write("/proc/self/oom_score_adj", "1000");
        Ok(())
    }
}
