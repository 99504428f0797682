//! The engines that run a case: wasmtime's compilers and its interpreter with minimal settings. Without fuel, epochs or
//! NaN canonicalization of their own, so equality follows from the module.
//!
//! They share what every host must provide: native stack, and equal answers to `memory.grow` and `table.grow`.

use std::thread;

use wasmtime::{
    Config, Engine, Extern, Instance, Module, OptLevel, Store, StoreLimits, StoreLimitsBuilder, Strategy,
    ThrownException, Trap, Val,
};

use bacalhau_runtime::instrument::{FUEL_GLOBAL, STACK_GLOBAL, START_FUNCTION};

use crate::case::Case;
use crate::claim::{Claim, HOST, MemoryDigest, OUT_OF_FUEL, RETURN, STACK_FULL, TRAP};

/// Names that the pass has added begin so; they are not the guest's.
const RESERVED: &str = "__bacalhau";

/// Native stack for the guest: 64 bytes for each that the largest case may count, and one free leaf above them.
const NATIVE_STACK: usize = (512 << 20) + (64 << 10);
/// The thread's own stack, with room for the host below and above the guest.
const THREAD_STACK: usize = 520 << 20;

/// Maximum size of a memory; growth beyond it returns -1.
pub const MEMORY_BYTES: usize = 64 << 20;
/// Maximum size of a table; growth beyond it returns -1.
pub const TABLE_ELEMENTS: usize = 1 << 16;

/// The binary form of `(module (func))`.
const ONE_FUNCTION: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x04\x01\x02\0\x0b";

/// Settings that distinguish an engine.
type Setting = fn(&mut Config) -> wasmtime::Result<()>;

/// One engine of this machine.
#[derive(Clone, Debug)]
pub struct Backend {
    /// How claims and messages call it.
    pub name: &'static str,
    engine: Engine,
}

impl Backend {
    /// The known engines; the first one writes the golden files.
    const KNOWN: [(&'static str, Setting); 4] = [
        ("cranelift-speed", |config| {
            config.strategy(Strategy::Cranelift).cranelift_opt_level(OptLevel::Speed);
            Ok(())
        }),
        ("cranelift-none", |config| {
            config.strategy(Strategy::Cranelift).cranelift_opt_level(OptLevel::None);
            Ok(())
        }),
        ("winch", |config| {
            config.strategy(Strategy::Winch);
            Ok(())
        }),
        ("pulley", |config| {
            let target = if cfg!(target_endian = "big") { "pulley64be" } else { "pulley64" };
            config.target(target)?;
            Ok(())
        }),
    ];

    /// Every engine that works here; others are left out, see [`Backend::missing`].
    pub fn all() -> Vec<Self> {
        Self::KNOWN.into_iter().filter_map(|(name, set)| Self::new(name, set).ok()).collect()
    }

    /// The engines that do not work here, with the reason.
    pub fn missing() -> Vec<(&'static str, String)> {
        Self::KNOWN.into_iter().filter_map(|(name, set)| Some((name, Self::new(name, set).err()?))).collect()
    }

    fn new(name: &'static str, set: Setting) -> Result<Self, String> {
        let mut config = Config::new();
        config.wasm_backtrace_max_frames(None);
        config.max_wasm_stack(NATIVE_STACK).async_stack_size(NATIVE_STACK + (1 << 20));
        // No more than a case may have: an emulator keeps a record of every page of each reservation (measured: 20 GB for a
        // thousand cases at wasmtime's 4 GiB each).
        config.memory_reservation(MEMORY_BYTES as u64).memory_reservation_for_growth(0).memory_guard_size(1 << 16);
        // The pass replaces its operators.
        config.wasm_relaxed_simd(false);
        config.wasm_wide_arithmetic(true);
        set(&mut config)
            .and_then(|()| Engine::new(&config))
            .and_then(|engine| {
                // Some compilers report only now that they do not support this processor.
                Module::from_binary(&engine, ONE_FUNCTION).map(|_| Self { name, engine })
            })
            .map_err(|error| format!("{error:#}"))
    }

    /// The engine itself.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Compiles an instrumented module.
    ///
    /// # Errors
    /// Why this engine does not support it; for example, Winch has no tail calls.
    pub fn compile(&self, instrumented: &[u8]) -> Result<Compiled, String> {
        let module = Module::from_binary(&self.engine, instrumented).map_err(|error| format!("{error:#}"))?;
        Ok(Compiled { module })
    }
}

/// A module that an engine can run.
#[derive(Clone, Debug)]
pub struct Compiled {
    module: Module,
}

impl Compiled {
    /// Runs the case of this module, on its own instance and stack.
    pub fn run(&self, case: &Case) -> Claim {
        thread::scope(|scope| {
            let thread = thread::Builder::new().stack_size(THREAD_STACK).spawn_scoped(scope, || self.run_here(case));
            match thread.map(thread::ScopedJoinHandle::join) {
                Ok(Ok(claim)) => claim,
                Ok(Err(_)) => nothing(case, format!("{HOST}the engine panicked")),
                Err(error) => nothing(case, format!("{HOST}no thread: {error}")),
            }
        })
    }

    fn run_here(&self, case: &Case) -> Claim {
        let limits = StoreLimitsBuilder::new().memory_size(MEMORY_BYTES).table_elements(TABLE_ELEMENTS).build();
        let mut store = Store::new(self.module.engine(), limits);
        store.limiter(|limits| limits);
        let instance = match Instance::new(&mut store, &self.module, &[]) {
            Ok(instance) => instance,
            Err(error) => return nothing(case, end_of(&error, false)),
        };
        for (name, value) in [(FUEL_GLOBAL, case.fuel), (STACK_GLOBAL, case.stack_slots)] {
            if set(&mut store, &instance, name, value).is_none() {
                return nothing(case, format!("{HOST}the module is not instrumented: it has no {name}"));
            }
        }
        let called = call(&mut store, &instance, case);
        let fuel = get(&mut store, &instance, FUEL_GLOBAL);
        let stack_is_full = get(&mut store, &instance, STACK_GLOBAL) < 0;
        let (end, results) = match called {
            _ if fuel < 0 => (OUT_OF_FUEL.into(), Vec::new()),
            Ok(results) => (RETURN.into(), results.iter().map(bits).collect()),
            Err(error) => (end_of(&error, stack_is_full), Vec::new()),
        };
        let used = case.fuel.saturating_sub(u64::try_from(fuel).unwrap_or(0));
        let mut claim = Claim { case: case.name.clone(), end, fuel: used, results, ..state(&mut store, &instance) };
        claim.forget_torn_store();
        claim
    }
}

/// Calls the start function, then the function of the case.
fn call(store: &mut Store<StoreLimits>, instance: &Instance, case: &Case) -> wasmtime::Result<Vec<Val>> {
    if let Some(start) = instance.get_func(&mut *store, START_FUNCTION) {
        start.call(&mut *store, &[], &mut [])?;
    }
    let Some(function) = instance.get_func(&mut *store, &case.function) else {
        return Err(wasmtime::Error::msg(format!("unknown export {:?}", case.function)));
    };
    let ty = function.ty(&*store);
    let args: Vec<Val> = ty.params().zip(&case.args).map(|(ty, bits)| argument(&ty, *bits)).collect();
    let mut results = vec![Val::I32(0); ty.results().len()];
    function.call(&mut *store, &args, &mut results)?;
    Ok(results)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bits, of which a type takes the low ones")]
fn argument(ty: &wasmtime::ValType, bits: i64) -> Val {
    use wasmtime::ValType;
    match ty {
        ValType::I32 => Val::I32(bits as i32),
        ValType::I64 => Val::I64(bits),
        ValType::F32 => Val::F32(bits as u32),
        ValType::F64 => Val::F64(bits as u64),
        ValType::V128 => Val::V128((u128::from(bits as u64) << 64 | u128::from(bits as u64)).into()),
        ValType::Ref(_) => Val::FuncRef(None),
    }
}

fn bits(value: &Val) -> String {
    match value {
        Val::I32(value) => format!("i32:{value:08x}"),
        Val::I64(value) => format!("i64:{value:016x}"),
        Val::F32(bits) => format!("f32:{bits:08x}"),
        Val::F64(bits) => format!("f64:{bits:016x}"),
        Val::V128(bits) => format!("v128:{:032x}", bits.as_u128()),
        other => if other.ref_().is_some_and(|value| value.is_null()) { "null" } else { "reference" }.into(),
    }
}

fn end_of(error: &wasmtime::Error, stack_is_full: bool) -> String {
    if error.is::<ThrownException>() {
        return format!("{TRAP}uncaught-exception");
    }
    let Some(trap) = error.downcast_ref::<Trap>() else { return format!("{HOST}{error:#}") };
    let name = match trap {
        Trap::UnreachableCodeReached if stack_is_full => return STACK_FULL.into(),
        Trap::UnreachableCodeReached => "unreachable",
        Trap::MemoryOutOfBounds => "memory-out-of-bounds",
        Trap::TableOutOfBounds => "table-out-of-bounds",
        Trap::IndirectCallToNull => "indirect-call-to-null",
        Trap::BadSignature => "bad-signature",
        Trap::IntegerOverflow => "integer-overflow",
        Trap::IntegerDivisionByZero => "division-by-zero",
        Trap::BadConversionToInteger => "bad-conversion-to-integer",
        Trap::NullReference => "null-reference",
        Trap::HeapMisaligned => "unaligned-atomic",
        Trap::AtomicWaitNonSharedMemory => "wait-on-unshared-memory",
        other => return format!("{HOST}{other}"),
    };
    format!("{TRAP}{name}")
}

/// A claim of a case that never began.
fn nothing(case: &Case, end: String) -> Claim {
    let memory = MemoryDigest::default().finish();
    Claim { case: case.name.clone(), end, fuel: 0, globals: [].into(), memory, results: Vec::new() }
}

/// A claim with only the guest's exported state.
fn state(store: &mut Store<StoreLimits>, instance: &Instance) -> Claim {
    let exports = instance.exports(&mut *store).map(|export| (export.name().to_owned(), export.into_extern()));
    let mut exports: Vec<(String, Extern)> = exports.filter(|(name, _)| !name.starts_with(RESERVED)).collect();
    exports.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut digest = MemoryDigest::default();
    let mut globals = std::collections::BTreeMap::new();
    for (name, export) in exports {
        match export {
            Extern::Memory(memory) => digest.add(&name, memory.data(&*store)),
            Extern::Global(global) if global.ty(&*store).mutability().is_var() => {
                globals.insert(name, bits(&global.get(&mut *store)));
            }
            _ => {}
        }
    }
    Claim { case: String::new(), end: String::new(), fuel: 0, globals, memory: digest.finish(), results: Vec::new() }
}

/// Sets one of the counters, if there is one.
fn set(store: &mut Store<StoreLimits>, instance: &Instance, name: &str, value: u64) -> Option<()> {
    let global = instance.get_global(&mut *store, name)?;
    global.set(&mut *store, Val::I64(i64::try_from(value).ok()?)).ok()
}

fn get(store: &mut Store<StoreLimits>, instance: &Instance, name: &str) -> i64 {
    let global = instance.get_global(&mut *store, name);
    global.and_then(|global| global.get(&mut *store).i64()).unwrap_or(0)
}
