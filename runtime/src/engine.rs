//! The only module with a `wasmtime::Config`: each switch that could change a result, with wasmtime's default, our
//! value and the reason. Switches that only affect speed are marked as such.
//!
//! wasmtime's fuel, epochs and canonical NaNs stay off, as by default: `instrument` puts them into the module,
//! independent of engine and release.

use serde::{Deserialize, Serialize};
use wasmtime::{Collector, Config, Engine, OptLevel, RegallocAlgorithm, Strategy, WasmFeatures};

use bacalhau_tree::HostFailure;

use crate::gate;
use crate::options::Options;
use bacalhau_receipt::MAX_STACK_BYTES;

/// Native bytes for each byte of the stack that the guest is allowed. A slot pays for 32 values that an optimiser keeps
/// (see `instrument`), and Cranelift keeps a float in 16 bytes: so this much, and the fixed slots of each frame are room to
/// spare. The worst that the fuzzer found is 25. Only address space until it is touched.
const NATIVE_STACK_FACTOR: u64 = 64;
/// Native stack for one leaf function above a full stack: `instrument` lets small ones go free.
const FREE_LEAF_BYTES: usize = 64 << 10;
/// Native stack for the host functions that a guest calls at its deepest point.
const HOST_STACK_BYTES: usize = 1 << 20;

/// Addresses for the growth of a memory until it is moved, where addresses are scarce.
const SMALL_GROWTH_BYTES: u64 = 16 << 20;
/// Addresses beside a memory that may not be accessed, so that one check serves for close accesses.
const SMALL_GUARD_BYTES: u64 = 64 << 10;

/// Name and version of the engine. It does not affect claims.
pub const ENGINE: &str = "wasmtime 48.0.8";

/// How a module is executed. Results are equal, only the speed differs. [`Tier`](crate::Tier) selects it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// Cranelift with optimisations: the fastest code, made the slowest.
    Optimized,
    /// Winch, a single-pass compiler. It does not support all modules (tail calls, SIMD on some processors) or all
    /// processors.
    Baseline,
    /// Cranelift without optimisations: a second opinion on its own optimiser.
    Unoptimized,
    /// Pulley, wasmtime's interpreter: no machine code of the host's at all, some 20 to 200 times slower.
    Interpreter,
}

impl Backend {
    /// The name in receipts and flags.
    pub fn name(self) -> &'static str {
        match self {
            Self::Optimized => "optimized",
            Self::Baseline => "baseline",
            Self::Unoptimized => "unoptimized",
            Self::Interpreter => "interpreter",
        }
    }
}

/// An engine that gives equal results on every machine.
pub(crate) fn engine(backend: Backend, options: &Options) -> Result<Engine, HostFailure> {
    if let Some(feature) = lacking(backend) {
        let name = backend.name();
        let why =
            format!("this program has no backend `{name}`: build it with the feature `{feature}` of bacalhau-runtime");
        return Err(HostFailure::new(why));
    }
    let failed =
        |error: wasmtime::Error| HostFailure::new(format!("the WebAssembly engine does not start here: {error:#}"));
    Engine::new(&config(backend, options).map_err(failed)?).map_err(failed)
}

/// The feature of this crate that a build needs for `backend` and does not have.
fn lacking(backend: Backend) -> Option<&'static str> {
    match backend {
        Backend::Baseline if cfg!(not(feature = "winch")) => Some("winch"),
        Backend::Interpreter if cfg!(not(feature = "pulley")) => Some("pulley"),
        _ => None,
    }
}

fn config(backend: Backend, options: &Options) -> wasmtime::Result<Config> {
    let mut config = Config::new();
    language(&mut config, backend);
    bounds(&mut config, options.address_space.is_small());
    // wasmtime default: true. Without handlers of signals, compiled code tests for each trap. The traps are the same.
    config.signals_based_traps(options.signal_handlers);

    // The following switches affect only speed and messages.
    config.strategy(if backend == Backend::Baseline { Strategy::Winch } else { Strategy::Cranelift });
    config.cranelift_regalloc_algorithm(RegallocAlgorithm::Backtracking);
    config.cranelift_opt_level(match backend {
        Backend::Optimized | Backend::Interpreter => OptLevel::Speed,
        Backend::Baseline | Backend::Unoptimized => OptLevel::None,
    });
    if backend == Backend::Interpreter {
        config.target(if cfg!(target_endian = "big") { "pulley64be" } else { "pulley64" })?;
    }
    // wasmtime default: false. `instrument` marks its rare branches.
    config.wasm_branch_hinting(true);
    // wasmtime default: on. Engine texts never enter a result, and are not read otherwise.
    config.wasm_backtrace_max_frames(None);
    Ok(config)
}

/// Which programs are accepted.
fn language(config: &mut Config, backend: Backend) {
    // wasmtime default: WASM3 and what cargo features add. The gate decides; the engine has the same list without what the
    // pass replaces, so that features of other crates in the build cannot extend it.
    config.wasm_features(WasmFeatures::all(), false);
    config.wasm_features(gate::proposals::features_of_engines(), true);
    // Winch has no tail calls, exceptions, externref and typed references. Another backend executes what it does not support, so nothing is rejected.
    config.wasm_tail_call(backend != Backend::Baseline);
    // Nor have Pulley and, on some processors, Winch atomic operators. Shared memories are rejected by the gate.
    let winch_has = cfg!(target_arch = "x86_64");
    config.wasm_features(
        WasmFeatures::THREADS,
        backend != Backend::Interpreter && (backend != Backend::Baseline || winch_has),
    );
    config.wasm_exceptions(backend != Backend::Baseline);
    config.wasm_features(WasmFeatures::FUNCTION_REFERENCES.union(WasmFeatures::GC_TYPES), backend != Backend::Baseline);
    // wasmtime default: as for its features. The engine keeps exceptions on its heap for collected objects; the gate rejects all
    // other types of that heap.
    config.gc_support(backend != Backend::Baseline);
    // wasmtime default: the same. When an exception is freed cannot be observed.
    config.collector(Collector::DeferredReferenceCounting);
}

/// Where a program stops.
fn bounds(config: &mut Config, small: bool) {
    // wasmtime default: 512 KiB. The guest's own bound is counted inside the module; the native one is out of reach.
    let native = usize::try_from(MAX_STACK_BYTES * NATIVE_STACK_FACTOR).unwrap_or(usize::MAX / 2) + FREE_LEAF_BYTES;
    config.max_wasm_stack(native);
    config.async_stack_size(native + HOST_STACK_BYTES);
    // wasmtime default: true on Linux. How memory gets its first bytes must not show in anything.
    config.memory_init_cow(true);
    // wasmtime default: true. Growth within the limit does not move memory: the whole range is reserved, only
    // protections change. Where addresses are scarce a memory has no more of them than it needs. Neither is seen by a
    // program.
    config.memory_may_move(small);
    if small {
        config
            .memory_reservation(0)
            .memory_reservation_for_growth(SMALL_GROWTH_BYTES)
            .memory_guard_size(SMALL_GUARD_BYTES);
    }
}
