//! Flags for the host that do not change results: timeout, tier, cache, downloads.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bacalhau_runtime::{AddressSpace, Backend, HostFailure, Options, Runtime, StartOptimizer, Tier};
use clap::{Args, ValueEnum};

use super::by_cid::ByCid;
use super::exit::Failure;
use super::optimize;
use super::progress_output::Ui;
use bacalhau_http::Reach;
use bacalhau_service::node::Node;
use bacalhau_storage::{Fetching, LocalStorage, Source, Sources};
use bacalhau_values::Size;

const PATIENCE_SECONDS: u64 = 60;
/// Runs longer than this get a hint about the tier.
const A_WHILE: Duration = Duration::from_secs(2);

/// Flags of every command that runs a program.
#[derive(Args, Debug)]
#[command(next_help_heading = "Machine")]
pub(super) struct Machine {
    /// Wall-clock limit of a run in seconds, from opening its inputs to its results. Exceeding it is a host failure,
    /// never a result; to bound a WebAssembly program itself use --fuel
    #[arg(long, value_name = "SECS", default_value = "1800", value_parser = parse_seconds)]
    timeout: Duration,

    #[command(flatten)]
    pub(super) download: Download,

    /// Print only errors on standard error
    #[arg(short, long)]
    quiet: bool,
}

/// Flags of every command that compiles modules.
#[derive(Args, Debug)]
#[command(next_help_heading = "Machine")]
pub(super) struct Compiling {
    /// Compilation tier. All tiers have the same results
    #[arg(long, alias = "backend", value_enum, default_value_t)]
    tier: TierName,

    /// Cache directory for compiled modules [default: `bacalhau` in `$XDG_CACHE_HOME` or in ~/.cache]
    #[arg(long, value_name = "DIR", env = "BACALHAU_CACHE_DIR")]
    cache_dir: Option<PathBuf>,

    /// Neither read nor write the cache
    #[arg(long)]
    no_cache: bool,

    /// Do not start a background process that compiles optimized code for --tier auto; only a long-running command then
    /// makes it
    #[arg(long, env = "BACALHAU_NO_BACKGROUND")]
    no_background: bool,

    /// Maximum host memory of a run beside the guest's own: names, links, listings, open files and tables. A run beyond
    /// it fails on this machine [default: 64 MiB and half of --memory]
    #[arg(long, value_name = "SIZE")]
    host_memory: Option<Size>,
}

/// Flags of every command that reads modules and inputs by name.
#[derive(Args, Debug)]
pub(super) struct Download {
    /// Maximum size of a file that is downloaded from a URL
    #[arg(long, value_name = "SIZE", default_value_t = Size(16 << 30), help_heading = "Machine")]
    input_bytes: Size,

    /// Read module and inputs only from below this directory, for jobs and receipts of others. May be given several
    /// times [default: no restriction]
    #[arg(long, value_name = "DIR", value_delimiter = ',', help_heading = "Machine")]
    allow_listed_local_paths: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum TierName {
    /// First result soon: a program with more than 256 KiB of code that is not in the cache runs as `baseline`. A
    /// repeated program is compiled `optimized`: before the run if its first run was long, otherwise by one
    /// low-priority background process for later runs
    #[default]
    Auto,
    /// Compiles several times faster, runs slower: for a large program that runs once
    Baseline,
    /// Fully optimized before it runs, and cached: for a program that runs long or often
    Optimized,
    /// The same compiler without optimizations, for cross-checking results
    Unoptimized,
    /// Interpreter without machine code, for cross-checking results; 20 to 200 times slower
    Interpreter,
}

impl Machine {
    /// Wall-clock limit of one run.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The output on standard error.
    pub(super) fn ui(&self) -> Arc<Ui> {
        Ui::new(self.quiet)
    }
}

impl Compiling {
    /// After long runs, reports that the optimized code of --tier auto is not ready yet.
    pub(super) fn say_what_was_not_ready(&self, ui: &Ui, backend: Backend, longest: Duration) {
        if longest >= A_WHILE && self.tier == TierName::Auto && backend == Backend::Baseline {
            ui.say("the program ran as baseline code; --tier optimized compiles it fully first, once, and runs faster");
        }
    }

    /// A runtime that accepts modules of up to `module_bytes`.
    ///
    /// # Errors
    /// When the engine does not support this machine.
    pub(super) fn runtime(&self, module_bytes: u64) -> Result<Runtime, HostFailure> {
        let cache_dir = if self.no_cache { None } else { self.cache_dir.clone().or_else(default_cache_dir) };
        let tier = match self.tier {
            TierName::Auto => Tier::Auto,
            TierName::Baseline => Tier::Only(Backend::Baseline),
            TierName::Optimized => Tier::Only(Backend::Optimized),
            TierName::Unoptimized => Tier::Only(Backend::Unoptimized),
            TierName::Interpreter => Tier::Only(Backend::Interpreter),
        };
        let optimizer: Option<StartOptimizer> = (!self.no_background).then(|| StartOptimizer::new(optimize::start));
        let host_bytes = self.host_memory.map(|size| size.0);
        let mut options = Options::default().with_tier(tier).with_module_bytes(module_bytes);
        options.cache_dir = cache_dir;
        options.optimizer = optimizer;
        options.host_bytes = host_bytes;
        // Compiled modules are shared with processes that have other limits.
        options.address_space = AddressSpace::Large;
        Runtime::new(&options)
    }
}

impl Download {
    /// All sources for a program at `source`, and the node that they read from if it is a CID: they work while it lives.
    ///
    /// # Errors
    /// When a flag is invalid or the node cannot be started.
    pub(super) fn sources_of(
        &self,
        source: &Source,
        by_cid: &ByCid,
        ui: &Arc<Ui>,
        spool_dir: PathBuf,
    ) -> Result<(Sources, Option<Node>), Failure> {
        let node = source.is_cid().then(|| by_cid.node(ui)).transpose()?;
        let sources = self.sources(ui, node.as_ref(), spool_dir, Reach::Named)?;
        Ok((sources, node))
    }

    /// All sources: CIDs from `node`, downloads spooled in `spool_dir`, addresses within `reach`.
    ///
    /// # Errors
    /// When a flag of the node is invalid.
    pub(super) fn sources(
        &self,
        ui: &Arc<Ui>,
        node: Option<&Node>,
        spool_dir: PathBuf,
        reach: Reach,
    ) -> Result<Sources, Failure> {
        let local = match &self.allow_listed_local_paths[..] {
            [] => LocalStorage::default(),
            allowed => LocalStorage::below(allowed.to_vec()),
        };
        let fetching = Fetching {
            max_bytes: self.input_bytes.0,
            patience: Duration::from_secs(PATIENCE_SECONDS),
            reach,
            spool_dir,
            progress: ui.progress(),
        };
        match node {
            Some(node) => Ok(node.sources(local, fetching)?),
            None => Ok(Sources::new(local, fetching, Vec::new())),
        }
    }
}

/// Reports why compiled modules are not cached, if that is for the user's safety.
pub(super) fn say_cache_problem(ui: &Ui, runtime: &Runtime) {
    if let Some(problem) = runtime.cache_problem() {
        ui.say(format!(
            "compiled modules are not cached: {problem}; name another directory with --cache-dir, or use --no-cache"
        ));
    }
}

/// `None` when there is no home directory: then nothing is cached.
fn default_cache_dir() -> Option<PathBuf> {
    let absolute = |dir: PathBuf| dir.is_absolute().then_some(dir);
    let cache_home = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).and_then(absolute);
    let home = || env::home_dir().and_then(absolute).map(|home| home.join(".cache"));
    Some(cache_home.or_else(home)?.join("bacalhau"))
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|seconds| !seconds.is_zero()).ok_or_else(|| format!("{text:?} is not a number of seconds above 0"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        compiling: Compiling,
    }

    #[test]
    fn no_process_is_started_against_the_users_will() {
        let starts = |flag: &str| {
            let flags = Flags::parse_from(["", "--no-cache"].into_iter().chain(flag.split_whitespace()));
            let runtime = format!("{:?}", flags.compiling.runtime(1).unwrap());
            !runtime.contains("optimizer: None")
        };
        assert!(starts("") && !starts("--no-background"));
    }

    #[test]
    fn seconds_may_have_decimals() {
        assert_eq!(parse_seconds("0.5"), Ok(Duration::from_millis(500)));
        for text in ["0", "-1", "inf", "NaN", "1m", ""] {
            assert!(parse_seconds(text).unwrap_err().contains("a number of seconds above 0"), "{text}");
        }
    }
}
