//! The process that compiles a module for a serving node: see `compute::compile`. The module is its standard input, what it says
//! goes to standard output, and the compiled module to the cache. It holds itself to its limits before it reads a byte, and ends
//! with the node.

use std::io::{self, Read as _};
use std::path::PathBuf;
use std::{env, fs};

use bacalhau_runtime::{Error, HostFailure, Options, Runtime};
use clap::Args;
use rayon::ThreadPoolBuilder;
use rustix::process::{Resource, Rlimit, getppid, setrlimit};

use super::exit::{Exit, Failure};
use super::output;
use crate::compute::{CompileCommand, CompileReport};

/// Its name on the command line. It is not for people.
pub(super) const VERB: &str = "compile-module";
/// By how much an optimization gives way to everything else, on a scale of 19.
const NICE: i32 = 10;

/// Compile the module on standard input for the cache
#[derive(Args, Debug)]
pub(super) struct Compile {
    /// The cache
    #[arg(long)]
    cache_dir: PathBuf,

    /// Bytes of memory
    #[arg(long)]
    memory_bytes: u64,

    /// Seconds of processor time
    #[arg(long)]
    cpu_seconds: u64,

    /// Threads
    #[arg(long)]
    threads: usize,

    /// The process that it ends with
    #[arg(long)]
    parent: i32,

    /// Make the optimized form, at low priority
    #[arg(long)]
    optimize: bool,
}

/// What starts such processes. On Linux it is this very program, also where another one was installed in its place.
///
/// # Errors
/// When this program cannot tell where it is.
pub(super) fn command() -> Result<CompileCommand, HostFailure> {
    let own = PathBuf::from("/proc/self/exe");
    let program = if own.exists() { Ok(own) } else { env::current_exe() };
    let program = program.map_err(|error| HostFailure::io("find the program that compiles modules", error))?;
    Ok(CompileCommand::new(program, VERB))
}

impl Compile {
    /// Compiles, and says how that ended.
    ///
    /// # Errors
    /// When there is nobody to say it to.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let report = match self.compile() {
            Ok(()) => CompileReport::Compiled,
            Err(Error::Refused(refusal)) => CompileReport::Refused { message: refusal.to_string() },
            Err(Error::Host(failure)) => {
                let text = failure.to_string();
                let message = text.strip_prefix(HostFailure::PREFIX).unwrap_or(&text).into();
                CompileReport::Failed { message }
            }
        };
        output::line(&report.line())?;
        Ok(Exit::Success)
    }

    fn compile(&self) -> Result<(), Error> {
        self.end_with_parent()?;
        self.bound()?;
        let pool = ThreadPoolBuilder::new().num_threads(self.threads).build_global();
        pool.map_err(|error| HostFailure::new(format!("cannot start threads that compile: {error}")))?;
        // The node has compared the size of the module with its own limit.
        let options = Options { cache_dir: Some(self.cache_dir.clone()), module_bytes: u64::MAX, ..Options::default() };
        let runtime = Runtime::new(&options)?;
        if self.optimize {
            return runtime.optimize(io::stdin().lock()).map(drop);
        }
        let mut module = Vec::new();
        io::stdin().lock().read_to_end(&mut module).map_err(|error| HostFailure::io("read the module", error))?;
        runtime.compile(&module)
    }

    /// From here on this process is killed when the node ends, however that ends.
    fn end_with_parent(&self) -> Result<(), HostFailure> {
        #[cfg(target_os = "linux")]
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
            .map_err(|error| HostFailure::io("end with the node", error.into()))?;
        let parent = self.parent;
        let is_there = move || getppid().is_some_and(|found| found.as_raw_nonzero().get() == parent);
        if !is_there() {
            return Err(HostFailure::new("the node that wanted the module is gone"));
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

    /// Holds this process to its limits.
    fn bound(&self) -> Result<(), HostFailure> {
        let limit = |name: &str, resource, current, maximum| {
            let limit = Rlimit { current: Some(current), maximum: Some(maximum) };
            setrlimit(resource, limit)
                .map_err(|error| HostFailure::io(format!("limit the {name} of a process that compiles"), error.into()))
        };
        limit("memory", Resource::Data, self.memory_bytes, self.memory_bytes)?;
        // A second later the signal is one that cannot be told from others.
        limit("processor time", Resource::Cpu, self.cpu_seconds, self.cpu_seconds.saturating_add(1))?;
        limit("core file", Resource::Core, 0, 0)?;
        if self.optimize {
            // Where it is not allowed, it works as all others do.
            let _ = rustix::process::nice(NICE);
        }
        // Where memory runs out, this process is the first to go, and not the node.
        let _ = fs::write("/proc/self/oom_score_adj", "1000");
        Ok(())
    }
}
