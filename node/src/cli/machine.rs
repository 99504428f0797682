//! The flags that say how this machine works, and change nothing about a result: watchdog, backend, cache, downloads.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bacalhau_runtime::{Backend, HostFailure, Options, Runtime};
use clap::{Args, ValueEnum};

use super::size::Size;
use super::talk::Talk;
use crate::storage::{Fetching, Sources};

const PATIENCE_SECONDS: u64 = 60;

/// Flags of every command that runs a program.
#[derive(Args, Debug)]
#[command(next_help_heading = "Machine")]
pub(super) struct Machine {
    /// Wall-clock seconds after which this machine gives up on a run. That is a failure of the host, never a result;
    /// to bound the program itself use --fuel
    #[arg(long, value_name = "SECS", default_value = "1800", value_parser = parse_seconds)]
    timeout: Duration,

    /// How the module is executed. All of them come to the same result: `interpreter` runs no machine code that was
    /// made from the module, and is 20 to 200 times slower
    #[arg(long, value_enum, default_value_t)]
    backend: BackendName,

    /// Where compiled modules are kept, so that the next run starts at once; by default `bacalhau` in
    /// `$XDG_CACHE_HOME` or in ~/.cache
    #[arg(long, value_name = "DIR", env = "BACALHAU_CACHE_DIR")]
    cache_dir: Option<PathBuf>,

    /// Neither read nor write the cache
    #[arg(long)]
    no_cache: bool,

    #[command(flatten)]
    download: Download,

    /// Say nothing on standard error but errors
    #[arg(short, long)]
    quiet: bool,
}

/// Flags of every command that may download.
#[derive(Args, Debug)]
pub(super) struct Download {
    /// Largest file that is fetched from a URL, so that a server cannot fill the disk
    #[arg(long, value_name = "SIZE", default_value_t = Size(16 << 30), help_heading = "Machine")]
    input_bytes: Size,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum BackendName {
    #[default]
    Optimized,
    Unoptimized,
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

    /// Everything that sources are read from, with downloads spooled in `spool_dir`.
    pub(super) fn sources(&self, talk: &Arc<Talk>, spool_dir: PathBuf) -> Sources {
        self.download.sources(talk, spool_dir)
    }

    /// A runtime that accepts modules of up to `module_bytes`.
    ///
    /// # Errors
    /// When the engine cannot work on this machine.
    pub(super) fn runtime(&self, module_bytes: u64) -> Result<Runtime, HostFailure> {
        let cache_dir = if self.no_cache { None } else { self.cache_dir.clone().or_else(default_cache_dir) };
        let backend = match self.backend {
            BackendName::Optimized => Backend::Optimized,
            BackendName::Unoptimized => Backend::Unoptimized,
            BackendName::Interpreter => Backend::Interpreter,
        };
        Runtime::new(&Options { cache_dir, backend, module_bytes })
    }
}

impl Download {
    /// As [`Machine::sources`].
    pub(super) fn sources(&self, talk: &Arc<Talk>, spool_dir: PathBuf) -> Sources {
        Sources::new(Fetching {
            max_bytes: self.input_bytes.0,
            patience: Duration::from_secs(PATIENCE_SECONDS),
            spool_dir,
            progress: talk.progress(),
        })
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
    use super::*;

    #[test]
    fn seconds_may_have_decimals() {
        assert_eq!(parse_seconds("0.5"), Ok(Duration::from_millis(500)));
        for text in ["0", "-1", "inf", "NaN", "1m", ""] {
            assert!(parse_seconds(text).is_err(), "{text}");
        }
    }
}
