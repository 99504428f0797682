//! A child process that compiles one module and reports its cost. A separate process has the peak memory of this module
//! only, and limits can end it.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use bacalhau_runtime::{AddressSpace, Backend, Options, Runtime, Tier};
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// The argument that makes the command such a process.
pub const ARGUMENT: &str = "compile-standard-input";

/// Address space of the process: 6 GiB.
const MEMORY_BYTES: u64 = 6 << 30;
/// CPU time of the process.
const CPU_SECONDS: u64 = 60;

/// Cost of a compilation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// CPU time of all threads.
    pub cpu: Duration,
    /// The most memory at once.
    pub memory_bytes: u64,
    /// Whether the module was compiled. Otherwise it was refused, or the process met its limits, which count then.
    pub compiled: bool,
}

/// The tiers that are measured.
pub const TIERS: [Backend; 2] = [Backend::Baseline, Backend::Optimized];

/// Compiles the module in a process of its own, which has one thread for it.
///
/// # Errors
/// When no process can be started.
pub fn cost(wasm: &[u8], backend: Backend) -> io::Result<Cost> {
    let mut child = Command::new(std::env::current_exe()?)
        .args([ARGUMENT, backend.name()])
        .env("RAYON_NUM_THREADS", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A child that has ended already has met a limit.
        let _ = stdin.write_all(wasm);
    }
    let output = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    Ok(match numbers[..] {
        [nanos, memory_bytes, compiled] => {
            Cost { cpu: Duration::from_nanos(nanos), memory_bytes, compiled: compiled == 1 }
        }
        _ => Cost { cpu: Duration::from_secs(CPU_SECONDS), memory_bytes: MEMORY_BYTES, compiled: false },
    })
}

/// The main function of the child: reads the module, compiles it and reports the cost.
///
/// # Errors
/// When it cannot read or write, or its limits cannot be set.
pub fn run(backend: &str) -> io::Result<()> {
    let limit = |most| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::As, limit(MEMORY_BYTES))?;
    setrlimit(Resource::Cpu, limit(CPU_SECONDS))?;
    let mut wasm = Vec::new();
    io::stdin().read_to_end(&mut wasm)?;
    let backend = TIERS.into_iter().find(|tier| tier.name() == backend).unwrap_or(Backend::Optimized);
    let options = Options::default().with_tier(Tier::Only(backend)).with_address_space(AddressSpace::Large);
    let runtime = Runtime::new(&options).map_err(io::Error::other)?;
    let before = cpu();
    let compiled = runtime.load(&wasm).is_ok();
    let took = cpu().saturating_sub(before).as_nanos();
    writeln!(io::stdout(), "{took} {} {}", most_memory()?, u8::from(compiled))
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// The most memory that this process had at once.
fn most_memory() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse::<u64>().ok());
    kib.map(|kib| kib << 10).ok_or_else(|| io::Error::other("there is no VmHWM in /proc/self/status"))
}
