//! The flags that say how this machine works, and change nothing about a result: watchdog, tier, cache, downloads.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bacalhau_runtime::{Backend, HostFailure, Options, Runtime, StartOptimizer, Tier};
use clap::{Args, ValueEnum};

use super::exit::Failure;
use super::optimize;
use super::talk::Talk;
use crate::http::Reach;
use crate::node::Node;
use crate::storage::{Fetching, LocalStorage, Sources};
use bacalhau_values::Size;

const PATIENCE_SECONDS: u64 = 60;
/// From here on somebody may wonder why a run is slow.
const A_WHILE: Duration = Duration::from_secs(2);

/// Flags of every command that runs a program.
#[derive(Args, Debug)]
#[command(next_help_heading = "Machine")]
pub(super) struct Machine {
    /// Wall-clock seconds for a run, from opening its inputs to its results. A run that takes longer is a failure of the host,
    /// never a result; to bound a WebAssembly program itself use --fuel
    #[arg(long, value_name = "SECS", default_value = "1800", value_parser = parse_seconds)]
    timeout: Duration,

    #[command(flatten)]
    pub(super) download: Download,

    /// Say nothing on standard error but errors
    #[arg(short, long)]
    quiet: bool,
}

/// Flags of every command that compiles modules.
#[derive(Args, Debug)]
#[command(next_help_heading = "Machine")]
pub(super) struct Compiling {
    /// How the module is compiled. All of them come to the same result
    #[arg(long, alias = "backend", value_enum, default_value_t)]
    tier: TierName,

    /// Where compiled modules are kept, so that the next run starts at once; by default `bacalhau` in
    /// `$XDG_CACHE_HOME` or in ~/.cache
    #[arg(long, value_name = "DIR", env = "BACALHAU_CACHE_DIR")]
    cache_dir: Option<PathBuf>,

    /// Neither read nor write the cache
    #[arg(long)]
    no_cache: bool,

    /// Start no background process for the optimised code of --tier auto; then only a command that runs for long makes it
    #[arg(long, env = "BACALHAU_NO_BACKGROUND")]
    no_background: bool,

    /// Memory of this machine that a run may have kept beside the program's own: for names, links, listings, open files and
    /// tables. A run that needs more fails on this machine [default: 64 MiB and half of --memory]
    #[arg(long, value_name = "SIZE")]
    host_memory: Option<Size>,
}

/// Flags of every command that reads what others name.
#[derive(Args, Debug)]
pub(super) struct Download {
    /// Largest file that is fetched from a URL, so that a server cannot fill the disk
    #[arg(long, value_name = "SIZE", default_value_t = Size(16 << 30), help_heading = "Machine")]
    input_bytes: Size,

    /// Read module and inputs from below this directory only, for jobs and receipts of others. May be given several
    /// times [default: from everywhere]
    #[arg(long, value_name = "DIR", value_delimiter = ',', help_heading = "Machine")]
    allow_listed_local_paths: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum TierName {
    /// The first answer soon: a program with more than 256 KiB of code that is not in the cache runs as `baseline`. When
    /// it is run again it is made `optimized`: before it runs, if its first run took long, else by one background process
    /// of low priority, for later runs
    #[default]
    Auto,
    /// Compiled several times faster, runs slower: for a large program that is run once
    Baseline,
    /// Compiled to the end before it runs, and kept in the cache: for a program that runs long, or often
    Optimized,
    /// By the same compiler without its optimisations: a second opinion
    Unoptimized,
    /// No machine code at all is made from the module: a second opinion, 20 to 200 times slower
    Interpreter,
}

impl Machine {
    /// How long one run may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// What to say on standard error.
    pub(super) fn talk(&self) -> Arc<Talk> {
        Talk::new(self.quiet)
    }
}

impl Compiling {
    /// Says after runs that took a while that the optimised code of --tier auto is not there yet.
    pub(super) fn say_what_was_not_ready(&self, talk: &Talk, backend: Backend, longest: Duration) {
        if longest >= A_WHILE && self.tier == TierName::Auto && backend == Backend::Baseline {
            talk.say("the program ran as baseline code; --tier optimized compiles it to the end first, once, and runs faster");
        }
    }

    /// A runtime that accepts modules of up to `module_bytes`.
    ///
    /// # Errors
    /// When the engine cannot work on this machine.
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
        Runtime::new(&Options { cache_dir, tier, module_bytes, optimizer, host_bytes, ..Options::default() })
    }
}

impl Download {
    /// Everything that sources are read from, by CID from `node`, with downloads spooled in `spool_dir`, from the
    /// addresses within `reach`.
    ///
    /// # Errors
    /// When a flag of the node makes no sense.
    pub(super) fn sources(
        &self,
        talk: &Arc<Talk>,
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
            progress: talk.progress(),
        };
        match node {
            Some(node) => Ok(node.sources(local, fetching)?),
            None => Ok(Sources::new(local, fetching, Vec::new())),
        }
    }
}

/// Says why compiled modules are not kept, where that is for the user's safety.
pub(super) fn say_cache_problem(talk: &Talk, runtime: &Runtime) {
    if let Some(problem) = runtime.cache_problem() {
        talk.say(format!(
            "compiled modules are not kept: {problem}; name another directory with --cache-dir, or use --no-cache"
        ));
    }
}

/// `None` where no home is known: then nothing is cached.
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
            assert!(parse_seconds(text).is_err(), "{text}");
        }
    }
}
