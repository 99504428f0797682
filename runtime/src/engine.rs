//! The only room that names `wasmtime::Config`: each switch that could change a result, with wasmtime's default, our value
//! and the reason. Switches that only change speed are here too, and said to be that.
//!
//! wasmtime's fuel, its epochs and its canonical NaNs stay off, as they are by default: `instrument` has put all of that
//! into the module, where no engine and no release can change it.

use serde::{Deserialize, Serialize};
use wasmtime::{Config, Engine, OptLevel, RegallocAlgorithm, Strategy, WasmFeatures};

use bacalhau_tree::HostFailure;

use crate::gate;
use crate::limits::MAX_STACK_BYTES;

/// Native bytes for each byte of the stack that the guest is allowed. A slot pays for 32 values that an optimiser keeps
/// (see `instrument`), and Cranelift keeps a float in 16 bytes: so this much, and the fixed slots of each frame are room to
/// spare. The worst that the fuzzer found is 25. Only address space until it is touched.
const NATIVE_STACK_FACTOR: u64 = 64;
/// Native stack for one leaf function above a full stack: `instrument` lets small ones go free.
const FREE_LEAF_BYTES: usize = 64 << 10;
/// Native stack for the host functions that a guest calls at its deepest point.
const HOST_STACK_BYTES: usize = 1 << 20;

/// What executes the modules. Nothing of it can be seen in a claim.
pub const ENGINE: &str = "wasmtime 48.0.8";

/// How a module is executed. The result is the same, only the speed differs. [`Tier`](crate::Tier) chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// Cranelift with optimisations: the fastest code, made the slowest.
    Optimized,
    /// Winch, which compiles in one pass over the code. It does not take every module (tail calls, SIMD on some
    /// processors), and there is none for some processors.
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
pub(crate) fn engine(backend: Backend) -> Result<Engine, HostFailure> {
    let failed =
        |error: wasmtime::Error| HostFailure::new(format!("the WebAssembly engine does not start here: {error:#}"));
    Engine::new(&config(backend).map_err(failed)?).map_err(failed)
}

fn config(backend: Backend) -> wasmtime::Result<Config> {
    let mut config = Config::new();
    language(&mut config, backend);
    bounds(&mut config);

    // What follows changes speed and messages only.
    config.strategy(if backend == Backend::Baseline { Strategy::Winch } else { Strategy::Cranelift });
    config.cranelift_regalloc_algorithm(RegallocAlgorithm::Backtracking);
    config.cranelift_opt_level(match backend {
        Backend::Optimized | Backend::Interpreter => OptLevel::Speed,
        Backend::Baseline | Backend::Unoptimized => OptLevel::None,
    });
    if backend == Backend::Interpreter {
        config.target(if cfg!(target_endian = "big") { "pulley64be" } else { "pulley64" })?;
    }
    // wasmtime default: false. `instrument` says which of its own branches are rare.
    config.wasm_branch_hinting(true);
    // wasmtime default: on. Text of an engine never enters a result, and nobody reads the rest.
    config.wasm_backtrace_max_frames(None);
    Ok(config)
}

/// Which programs are accepted.
fn language(config: &mut Config, backend: Backend) {
    // wasmtime default: WASM3 and whatever cargo features bring. The gate decides; the engine is told the same list, so
    // that a feature of some other crate in the build cannot widen it.
    config.wasm_features(WasmFeatures::all(), false);
    config.wasm_features(gate::proposals::features(), true);
    // Winch has no tail calls. What it does not take is executed by another backend, so nothing is refused for that.
    config.wasm_tail_call(backend != Backend::Baseline);
    // wasmtime default: false. Off by proposal already; said twice, as one release lowered it wrongly (wasmtime #13702).
    config.relaxed_simd_deterministic(true);
}

/// Where a program stops.
fn bounds(config: &mut Config) {
    // wasmtime default: 512 KiB. The guest's own bound is counted inside the module; the native one is out of reach.
    let native = usize::try_from(MAX_STACK_BYTES * NATIVE_STACK_FACTOR).unwrap_or(usize::MAX / 2) + FREE_LEAF_BYTES;
    config.max_wasm_stack(native);
    config.async_stack_size(native + HOST_STACK_BYTES);
    // wasmtime default: true on Linux. How memory gets its first bytes must not show in anything.
    config.memory_init_cow(true);
    // wasmtime default: true. Growth within the limit moves nothing: the whole range is reserved, only protections change.
    config.memory_may_move(false);
}
