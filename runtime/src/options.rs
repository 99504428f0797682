//! How a runtime works on its machine.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::limits::Limits;
use crate::tier::Tier;

/// Starts a process that hands `module` to [`Runtime::optimize`](crate::Runtime::optimize) of a runtime with that cache
/// directory. It must not wait for the process.
pub type StartOptimizer = fn(module: File, cache_dir: &Path) -> io::Result<()>;

/// How a runtime works on this machine. Nothing of it can be seen in a result.
#[derive(Clone, Debug)]
pub struct Options {
    /// Directory for compiled modules, made if it is missing. Default `None`: modules are compiled each time.
    pub cache_dir: Option<PathBuf>,
    /// How modules are executed. Default [`Tier::Auto`].
    pub tier: Tier,
    /// The largest module that is looked at, in bytes. Default: that of [`Limits`].
    pub module_bytes: u64,
    /// Starts a process of its own for optimised code that no run waits for, with [`Tier::Auto`] and a cache. Default
    /// `None`: no process is ever started, and threads of this one do the work.
    pub optimizer: Option<StartOptimizer>,
    /// Host memory that one run may have kept beside the program's linear memories. Default `None`:
    /// [`Limits::host_bytes`] of the job. A run that needs more is a failure of this host.
    pub host_bytes: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        let module_bytes = Limits::default().module_bytes;
        Self { cache_dir: None, tier: Tier::default(), module_bytes, optimizer: None, host_bytes: None }
    }
}
