//! How a runtime works on its machine.

use std::fmt;
use std::fs::File;
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bacalhau_tree::Link;

use crate::tier::Tier;
use bacalhau_receipt::Limits;

/// Starts a process that passes a module to [`Runtime::optimize`](crate::Runtime::optimize) of a runtime with the same
/// cache directory. Must not wait for the process.
#[derive(Clone)]
pub struct StartOptimizer(Arc<Start>);

/// Is given the module's CID, its bytes, and the cache directory.
type Start = dyn Fn(Link, File, &Path) -> io::Result<()> + Send + Sync;

impl StartOptimizer {
    /// Starts it by `start`, which is given the CID of the module, a file that holds its bytes, and the cache directory.
    pub fn new(start: impl Fn(Link, File, &Path) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(start))
    }

    /// Starts it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(&self, module: Link, bytes: File, cache_dir: &Path) -> io::Result<()> {
        (self.0)(module, bytes, cache_dir)
    }
}

impl fmt::Debug for StartOptimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartOptimizer").finish_non_exhaustive()
    }
}

/// Host options of a runtime. They do not affect results.
///
/// ```
/// use bacalhau_runtime::{Backend, Options, Tier};
///
/// let options = Options::default().with_cache_dir("/var/cache/modules").with_tier(Tier::Only(Backend::Optimized));
/// assert_eq!(options.threads, None);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Directory for compiled modules, made if it is missing. Default `None`: modules are compiled each time.
    pub cache_dir: Option<PathBuf>,
    /// How modules are executed. Default [`Tier::Auto`].
    pub tier: Tier,
    /// Maximum size of a module in bytes. Default: that of [`Limits`].
    pub module_bytes: u64,
    /// Starts a process of its own for optimised code that no run waits for, with [`Tier::Auto`] and a cache. Default
    /// `None`: no process is ever started, and threads of this one do the work.
    pub optimizer: Option<StartOptimizer>,
    /// Host memory that one run may have kept beside the program's linear memories. Default `None`:
    /// [`Limits::host_bytes`] of the job. A run that needs more is a failure of this host.
    pub host_bytes: Option<u64>,
    /// Whether optimised code that no run waits for may be made by threads of this process. Default: yes. Without, it is made by
    /// `optimizer` only.
    pub optimizes: bool,
    /// Threads that compile modules. Default `None`: one for each processor. A call from a thread of another rayon pool
    /// compiles in that one; without the feature `parallel`, the calling thread compiles.
    pub threads: Option<NonZero<usize>>,
    /// Address space of a run. Default [`AddressSpace::Auto`].
    pub address_space: AddressSpace,
    /// Whether the engine may set handlers of SIGSEGV, SIGILL, SIGFPE and SIGBUS for the process, by which it finds traps of
    /// programs. It passes signals of others on. Default: yes. Without them programs are slower, and
    /// [`Backend::Baseline`](crate::Backend::Baseline) is not used.
    pub signal_handlers: bool,
}

impl Options {
    /// Sets [`cache_dir`](Self::cache_dir).
    #[must_use]
    pub fn with_cache_dir(self, cache_dir: impl Into<PathBuf>) -> Self {
        Self { cache_dir: Some(cache_dir.into()), ..self }
    }

    /// Sets [`tier`](Self::tier).
    #[must_use]
    pub fn with_tier(self, tier: Tier) -> Self {
        Self { tier, ..self }
    }

    /// Sets [`module_bytes`](Self::module_bytes).
    #[must_use]
    pub fn with_module_bytes(self, module_bytes: u64) -> Self {
        Self { module_bytes, ..self }
    }

    /// Sets [`optimizer`](Self::optimizer).
    #[must_use]
    pub fn with_optimizer(self, optimizer: StartOptimizer) -> Self {
        Self { optimizer: Some(optimizer), ..self }
    }

    /// Sets [`host_bytes`](Self::host_bytes).
    #[must_use]
    pub fn with_host_bytes(self, host_bytes: u64) -> Self {
        Self { host_bytes: Some(host_bytes), ..self }
    }

    /// Sets [`threads`](Self::threads).
    #[must_use]
    pub fn with_threads(self, threads: NonZero<usize>) -> Self {
        Self { threads: Some(threads), ..self }
    }

    /// Sets [`signal_handlers`](Self::signal_handlers).
    #[must_use]
    pub fn with_signal_handlers(self, signal_handlers: bool) -> Self {
        Self { signal_handlers, ..self }
    }

    /// Sets [`address_space`](Self::address_space).
    #[must_use]
    pub fn with_address_space(self, address_space: AddressSpace) -> Self {
        Self { address_space, ..self }
    }
}

/// How much address space a run reserves. Reserved addresses take no memory until they are used.
///
/// Each run has a stack of 0.5 GiB beside that, whatever the limits of its job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressSpace {
    /// [`Small`](Self::Small) where the process has a limit (`ulimit -v`), else [`Large`](Self::Large).
    #[default]
    Auto,
    /// 4 GiB for each memory of the program and one more: 9 GB for most programs. Accesses need no checks.
    Large,
    /// The size of the program's memories and 16 MiB for each. Accesses are checked, which makes programs up to a half
    /// slower, and a memory that grows may be moved: it exists twice while it is.
    Small,
}

impl AddressSpace {
    /// Whether memories reserve only what they have.
    pub(crate) fn is_small(self) -> bool {
        match self {
            Self::Large => false,
            Self::Small => true,
            #[cfg(unix)]
            Self::Auto => rustix::process::getrlimit(rustix::process::Resource::As).current.is_some(),
            #[cfg(not(unix))]
            Self::Auto => false,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        let module_bytes = Limits::default().module_bytes;
        Self {
            cache_dir: None,
            tier: Tier::default(),
            module_bytes,
            optimizer: None,
            host_bytes: None,
            optimizes: true,
            threads: None,
            address_space: AddressSpace::default(),
            signal_handlers: true,
        }
    }
}
