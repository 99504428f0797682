//! The sides that the cost of metering is compared on: one module compiled by one engine in several ways, everything but the
//! named difference equal. Only the export `run: () -> i64` is called, and a module has no WASI: its imports trap.

use bacalhau_runtime::instrument::{FUEL_GLOBAL, STACK_GLOBAL, START_FUNCTION, instrument_stoppable};
use wasmtime::{
    Config, Engine, Global, Instance, Linker, Memory, Module, OperatorCost, Store, TypedFunc, Val, VariableOperatorCost,
};

/// Enough for every guest, so that no side stops early.
const LIMIT: u64 = i64::MAX.unsigned_abs();

/// Fuel for a page that the memory has grown by.
const PAGE: u64 = 65_536;

/// A way to run a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// wasmtime's Cranelift without instrumentation: the reference of the other sides.
    Bare,
    /// With wasmtime's fuel.
    Fuel,
    /// With wasmtime's NaN canonicalisation.
    Nan,
    /// With both: wasmtime's counterpart of the instrumentation, except for the stack.
    FuelAndNan,
    /// Instrumented by us, for fuel, stack and NaN, and then as bare.
    Bacalhau,
}

impl Side {
    /// All, the one first that the others are measured by.
    pub const ALL: [Self; 5] = [Self::Bare, Self::Fuel, Self::Nan, Self::FuelAndNan, Self::Bacalhau];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Fuel => "wasmtime fuel",
            Self::Nan => "wasmtime NaN",
            Self::FuelAndNan => "wasmtime fuel + NaN",
            Self::Bacalhau => "bacalhau",
        }
    }

    fn has_fuel(self) -> bool {
        matches!(self, Self::Fuel | Self::FuelAndNan)
    }

    fn engine(self) -> Engine {
        let mut config = Config::new();
        // On one thread, so that thread CPU time sees all of a compilation.
        config.parallel_compilation(false);
        config.consume_fuel(self.has_fuel());
        config.operator_cost(costs());
        config.cranelift_nan_canonicalization(matches!(self, Self::Nan | Self::FuelAndNan));
        config.wasm_branch_hinting(self == Self::Bacalhau);
        Engine::new(&config).unwrap()
    }

    /// The module that the engine compiles on this side.
    pub fn prepare(self, wasm: &[u8]) -> Vec<u8> {
        if self == Self::Bacalhau { instrument_stoppable(wasm).unwrap() } else { wasm.to_vec() }
    }

    /// Compiles a module that was prepared for this side.
    pub fn compile(self, prepared: &[u8]) -> Module {
        Module::new(&self.engine(), prepared).unwrap()
    }
}

/// The costs of the profile for growth; all others are wasmtime's own. A page costs more than fits, so it is added
/// afterwards.
fn costs() -> OperatorCost {
    let variable = VariableOperatorCost { table_grow_per_element: 24, ..VariableOperatorCost::default() };
    OperatorCost { MemoryGrow: u8::MAX, TableGrow: u8::MAX, variable, ..OperatorCost::default() }
}

/// One module on one side, instantiated.
pub struct Program {
    side: Side,
    store: Store<()>,
    run: TypedFunc<(), i64>,
    memory: Option<Memory>,
    counters: Option<Counters>,
}

/// The globals of an instrumented module.
struct Counters {
    fuel: Global,
    stack: Global,
}

/// The result of a run. Equal runs of one module are equal on all sides that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Return value of `run`.
    pub checksum: i64,
    /// The fuel it used, where it is counted.
    pub fuel: Option<u64>,
}

impl Program {
    /// Instantiates a compiled module.
    pub fn new(side: Side, module: &Module) -> Self {
        let mut store = Store::new(module.engine(), ());
        if side.has_fuel() {
            store.set_fuel(LIMIT).unwrap();
        }
        let mut linker = Linker::new(module.engine());
        if module.imports().any(|import| import.name() == "random_get") {
            // Rust's maps ask for a seed. It is always 0 here.
            linker.func_wrap("wasi_snapshot_preview1", "random_get", |_: i32, _: i32| 0).unwrap();
        }
        linker.define_unknown_imports_as_traps(module).unwrap();
        let instance = linker.instantiate(&mut store, module).unwrap();
        let counters = (side == Side::Bacalhau).then(|| Counters::of(&instance, &mut store));
        if let Some(counters) = &counters {
            counters.fill(&mut store);
        }
        if let Ok(start) = instance.get_typed_func::<(), ()>(&mut store, START_FUNCTION) {
            start.call(&mut store, ()).unwrap();
        }
        let run = instance.get_typed_func(&mut store, "run").unwrap_or_else(|error| {
            panic!("the module has to export `run`, a function without parameters that returns an i64: {error:#}")
        });
        let memory = instance.get_memory(&mut store, "memory");
        Self { side, store, run, memory, counters }
    }

    /// Calls `run`.
    pub fn call(&mut self) -> Run {
        if let Some(counters) = &self.counters {
            counters.fill(&mut self.store);
        } else if self.side.has_fuel() {
            self.store.set_fuel(LIMIT).unwrap();
        }
        let pages = self.pages();
        let checksum = self.run.call(&mut self.store, ()).unwrap();
        let left = match &self.counters {
            Some(counters) => Some(counters.fuel.get(&mut self.store).unwrap_i64().unsigned_abs()),
            None => self.side.has_fuel().then(|| self.store.get_fuel().unwrap() - PAGE * (self.pages() - pages)),
        };
        Run { checksum, fuel: left.map(|left| LIMIT - left) }
    }

    fn pages(&self) -> u64 {
        self.memory.map_or(0, |memory| memory.size(&self.store))
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("side", &self.side).finish_non_exhaustive()
    }
}

impl Counters {
    fn of(instance: &Instance, store: &mut Store<()>) -> Self {
        let mut global = |name| instance.get_global(&mut *store, name).unwrap_or_else(|| panic!("no global {name}"));
        Self { fuel: global(FUEL_GLOBAL), stack: global(STACK_GLOBAL) }
    }

    fn fill(&self, store: &mut Store<()>) {
        for counter in [&self.fuel, &self.stack] {
            counter.set(&mut *store, Val::I64(LIMIT.cast_signed())).unwrap();
        }
    }
}
