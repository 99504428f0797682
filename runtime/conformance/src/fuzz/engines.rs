//! The engines of a campaign. Those under test have neither fuel nor NaN canonicalization of their own; the two
//! reference engines run the plain module, metered by wasmtime at the same costs.

use wasmtime::{Config, Engine, Module, OperatorCost, OptLevel, Strategy, VariableOperatorCost, WasmFeatures};

/// Slots of the call stack that a run may use: 128 KiB.
pub const SLOTS: i64 = 16 << 10;
/// Native stack for the guest: far more than 32 bytes for each that it may use, so that only `stack` looks for the end of it.
pub const NATIVE_STACK: usize = 48 << 20;

/// `(module (func))`
const SMALL: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x04\x01\x02\0\x0b";

/// An engine under test.
#[derive(Clone, Debug)]
pub struct Tested {
    /// How messages call it.
    pub name: &'static str,
    /// The engine.
    pub engine: Engine,
}

/// Every engine that a campaign needs.
#[derive(Clone, Debug)]
pub struct Engines {
    /// Engines for the instrumented module. The first one is compared with `canonical`.
    pub tested: Vec<Tested>,
    /// Runs the plain module: wasmtime's fuel, and every NaN made canonical as soon as it arises.
    pub canonical: Engine,
    /// As `canonical`, but with the NaNs of the processor. Its differences show that canonicalization is needed.
    pub bare: Engine,
}

impl Engines {
    /// Makes them, for that much native stack.
    ///
    /// # Errors
    ///
    /// When an engine does not start on this machine.
    pub fn new(native_stack: usize) -> wasmtime::Result<Self> {
        let make = |set: &dyn Fn(&mut Config) -> wasmtime::Result<()>| {
            let mut config = Config::new();
            config.wasm_features(WasmFeatures::all(), false).wasm_features(language(), true);
            config.wasm_backtrace_max_frames(None);
            config.max_wasm_stack(native_stack).async_stack_size(native_stack + (1 << 20));
            // Modules are small and there are threads enough.
            config.parallel_compilation(false);
            set(&mut config)?;
            Engine::new(&config)
        };
        let reference = |canonical: bool| {
            make(&|config| {
                config.consume_fuel(true).operator_cost(costs()).cranelift_nan_canonicalization(canonical);
                Ok(())
            })
        };
        let mut tested = vec![
            Tested { name: "cranelift-speed", engine: make(&|_| Ok(()))? },
            Tested {
                name: "cranelift-none",
                engine: make(&|config| {
                    config.cranelift_opt_level(OptLevel::None);
                    Ok(())
                })?,
            },
            Tested {
                name: "pulley",
                engine: make(&|config| {
                    config.target(if cfg!(target_endian = "big") { "pulley64be" } else { "pulley64" }).map(|_| ())
                })?,
            },
        ];
        let winch = make(&|config| {
            // It has none, and does not start where they are asked for.
            config.strategy(Strategy::Winch).wasm_features(WasmFeatures::TAIL_CALL, false);
            Ok(())
        });
        // Winch does not support every processor, and rejects some only when it compiles.
        match winch.and_then(|engine| Module::new(&engine, SMALL).map(|_| engine)) {
            Ok(engine) => tested.push(Tested { name: "winch", engine }),
            Err(_) if cfg!(not(target_arch = "x86_64")) => {}
            Err(error) => return Err(error),
        }
        Ok(Self { tested, canonical: reference(true)?, bare: reference(false)? })
    }
}

/// The costs of the profile for wasmtime's own meter. `run::plain` adds the cost of growth.
fn costs() -> OperatorCost {
    let variable =
        VariableOperatorCost { memory_grow_per_page: 0, table_grow_per_element: 0, ..VariableOperatorCost::default() };
    OperatorCost { MemoryGrow: u8::MAX, TableGrow: u8::MAX, variable, ..OperatorCost::default() }
}

/// The proposals of the profiles that wasmtime meters alike, as in `runtime/src/gate/proposals.rs`.
pub fn language() -> WasmFeatures {
    [
        WasmFeatures::MUTABLE_GLOBAL,
        WasmFeatures::SATURATING_FLOAT_TO_INT,
        WasmFeatures::SIGN_EXTENSION,
        WasmFeatures::MULTI_VALUE,
        WasmFeatures::BULK_MEMORY,
        WasmFeatures::BULK_MEMORY_OPT,
        WasmFeatures::EXTENDED_CONST,
        WasmFeatures::TAIL_CALL,
        WasmFeatures::MULTI_MEMORY,
        WasmFeatures::REFERENCE_TYPES,
        WasmFeatures::CALL_INDIRECT_OVERLONG,
        WasmFeatures::FLOATS,
        WasmFeatures::SIMD,
        WasmFeatures::MEMORY64,
        WasmFeatures::WIDE_ARITHMETIC,
    ]
    .into_iter()
    .fold(WasmFeatures::empty(), WasmFeatures::union)
}
