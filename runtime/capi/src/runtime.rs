//! A runtime: compiled modules and a pool of runs.

use std::num::NonZero;
use std::path::PathBuf;

use bacalhau_runtime::{AddressSpace, Backend, Options, Pool, PoolOptions, Tier};
use serde::Deserialize;

use crate::data::{View, clear, free, give};
use crate::status::{Error, guard};

/// Compiles modules and runs jobs on its own threads.
#[derive(Debug)]
pub struct Runtime {
    pub(crate) runtime: bacalhau_runtime::Runtime,
    pub(crate) pool: Pool,
}

/// The options in JSON. Each is optional.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    cache_dir: Option<PathBuf>,
    tier: Option<TierName>,
    threads: Option<NonZero<usize>>,
    address_space: Option<AddressSpaceName>,
    workplace: Option<PathBuf>,
    signal_handlers: Option<bool>,
    max_runs: Option<NonZero<usize>>,
    max_queued: Option<usize>,
    max_memory_bytes: Option<u64>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum TierName {
    Auto,
    Optimized,
    Baseline,
    Unoptimized,
    Interpreter,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum AddressSpaceName {
    Auto,
    Large,
    Small,
}

impl Written {
    fn options(&self) -> Options {
        let mut options = Options::default().with_tier(match self.tier {
            None | Some(TierName::Auto) => Tier::Auto,
            Some(TierName::Optimized) => Tier::Only(Backend::Optimized),
            Some(TierName::Baseline) => Tier::Only(Backend::Baseline),
            Some(TierName::Unoptimized) => Tier::Only(Backend::Unoptimized),
            Some(TierName::Interpreter) => Tier::Only(Backend::Interpreter),
        });
        options.cache_dir.clone_from(&self.cache_dir);
        options.threads = self.threads;
        options.signal_handlers = self.signal_handlers.unwrap_or(options.signal_handlers);
        options.with_address_space(match self.address_space {
            None | Some(AddressSpaceName::Auto) => AddressSpace::Auto,
            Some(AddressSpaceName::Large) => AddressSpace::Large,
            Some(AddressSpaceName::Small) => AddressSpace::Small,
        })
    }

    fn pool(&self) -> PoolOptions {
        let mut options = PoolOptions::default();
        options.max_runs = self.max_runs.unwrap_or(options.max_runs);
        options.max_queued = self.max_queued.unwrap_or(options.max_queued);
        options.max_memory_bytes = self.max_memory_bytes.unwrap_or(options.max_memory_bytes);
        options
    }
}

/// Makes a runtime. `options_json` is empty or a JSON object in which each field is optional:
///
/// - `cache_dir`: directory for compiled modules. Default: none, modules are compiled each time.
/// - `tier`: `auto` (default), `optimized`, `baseline`, `unoptimized` or `interpreter`.
/// - `threads`: threads that compile. Default: one for each processor.
/// - `address_space`: `auto` (default), `large` or `small` (for processes with `ulimit -v`).
/// - `workplace`: directory in which runs have their files until they are kept. Default: the directory for temporary files.
/// - `signal_handlers`: whether the engine sets handlers of signals, by which it finds traps of programs. Default: true. Without
///   them programs are slower.
/// - `max_runs`: runs at a time. Default: the number of processors.
/// - `max_queued`: runs that wait. Default 10 000.
/// - `max_memory_bytes`: memory of all runs at a time, by their limits. Default: no bound.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_runtime_new(options_json: View, out: *mut *mut Runtime, err: *mut *mut Error) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        let text = unsafe {
            clear(out);
            options_json.bytes("options_json")?
        };
        let written: Written = if text.is_empty() {
            Written::default()
        } else {
            serde_json::from_slice(text)
                .map_err(|error| Error::misuse(format!("the JSON of the options is invalid: {error}")))?
        };
        let runtime = bacalhau_runtime::Runtime::new(&written.options())?;
        let workplace = written.workplace.clone().unwrap_or_else(std::env::temp_dir);
        let pool = Pool::new(&runtime, &workplace, written.pool());
        // SAFETY: by the rules of the header.
        unsafe { give(out, Runtime { runtime, pool }) };
        Ok(())
    })
}

/// Cancels the runs of a runtime, waits for its threads and frees it. Handles of its modules and runs stay valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_runtime_free(runtime: *mut Runtime) {
    // SAFETY: by the rules of the header.
    unsafe { free(runtime) }
}
