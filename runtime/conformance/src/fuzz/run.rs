//! One instance, some calls in a row, and all that can be seen of them. The first call that does not return is the last.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use bacalhau_runtime::{
    Profile,
    instrument::{FUEL_GLOBAL, STACK_GLOBAL, START_FUNCTION},
};
use wasmtime::{
    Extern, ExternType, Func, HeapType, Instance, Module, Store, StoreLimits, StoreLimitsBuilder, Trap, Val, ValType,
};

/// How the names begin that the pass has added.
const RESERVED: &str = "__bacalhau";
/// Maximum size of a memory; growth beyond it returns -1.
pub const MEMORY_BYTES: usize = 1 << 20;
/// Maximum size of a table; growth beyond it returns -1.
pub const TABLE_ELEMENTS: usize = 10_000;

/// The calls and their limits.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Exports and their arguments, in order.
    pub calls: Vec<(String, Vec<Bits>)>,
    /// Fuel for all of it, the start section included.
    pub fuel: u64,
    /// Slots of the call stack. Plain modules ignore them.
    pub slots: i64,
}

/// A value, to the bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bits {
    /// An integer or a float of 32 bits.
    Short(u32),
    /// An integer or a float of 64 bits.
    Long(u64),
    /// A vector.
    Vector(u128),
    /// A reference: whether there is one.
    Reference(bool),
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Returned, with these results.
    Returned(Vec<Bits>),
    /// With a trap of the guest's.
    Trapped(Trap),
    /// The fuel was used up.
    OutOfFuel,
    /// The slots were exhausted.
    StackFull,
    /// Something else, which is never right.
    Failed(String),
}

/// The end of one call, and the fuel that all had used until then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Outcome.
    pub end: End,
    /// Fuel used by this call and the earlier ones.
    pub fuel: u64,
}

/// All that can be seen of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Instantiation with the start section, then each call.
    pub steps: Vec<Step>,
    /// The final state; `None` without an instance.
    pub state: Option<State>,
}

/// The observable state of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Exported globals.
    pub globals: BTreeMap<String, Bits>,
    /// Size and digest of exported memories.
    pub memories: BTreeMap<String, (usize, u64)>,
    /// Which elements of exported tables are null.
    pub tables: BTreeMap<String, Vec<bool>>,
}

impl Seen {
    /// The last step: the one that decides how the whole ended.
    pub fn last(&self) -> &Step {
        // There is always one, for the start.
        &self.steps[self.steps.len() - 1]
    }
}

/// Runs an instrumented module.
pub fn instrumented(module: &Module, plan: &Plan) -> Seen {
    let mut store = store(module);
    let instance = match Instance::new(&mut store, module, &[]) {
        Ok(instance) => instance,
        Err(error) => return Seen { steps: vec![Step { end: end_of(&error), fuel: 0 }], state: None },
    };
    let fuel = i64::try_from(plan.fuel).unwrap_or(i64::MAX);
    set(&mut store, &instance, FUEL_GLOBAL, fuel);
    set(&mut store, &instance, STACK_GLOBAL, plan.slots);
    let step = |store: &mut Store<StoreLimits>, result: wasmtime::Result<Vec<Bits>>| {
        let left = get(store, &instance, FUEL_GLOBAL);
        let full = get(store, &instance, STACK_GLOBAL) < 0;
        let end = match result {
            _ if left < 0 => End::OutOfFuel,
            Ok(results) => End::Returned(results),
            Err(error) => match end_of(&error) {
                End::Trapped(Trap::UnreachableCodeReached) if full => End::StackFull,
                end => end,
            },
        };
        Step { end, fuel: plan.fuel.saturating_sub(u64::try_from(left).unwrap_or(0)) }
    };
    let started = match instance.get_func(&mut store, START_FUNCTION) {
        Some(start) => start.call(&mut store, &[], &mut []).map(|()| Vec::new()),
        None => Ok(Vec::new()),
    };
    let steps = steps(&mut store, &instance, plan, step, started);
    Seen { steps, state: Some(state(&mut store, &instance)) }
}

/// Runs a plain module on an engine with wasmtime's own meter. That meter charges the requested size and not the actual
/// growth when a memory or a table grows; so the engine charges nothing for growth, and it is added here. Everything
/// that grows has to be exported.
pub fn plain(module: &Module, plan: &Plan) -> Seen {
    let mut store = store(module);
    let end = |result: wasmtime::Result<Vec<Bits>>| result.map_or_else(|error| end_of(&error), End::Returned);
    let used = |store: &Store<StoreLimits>| plan.fuel - store.get_fuel().unwrap_or(0);
    // The engines for plain modules have fuel.
    let instance = store.set_fuel(plan.fuel).and_then(|()| Instance::new(&mut store, module, &[]));
    let instance = match instance {
        Ok(instance) => instance,
        Err(error) => {
            let steps = vec![Step { end: end(Err(error)), fuel: used(&store) }];
            return Seen { steps, state: None };
        }
    };
    let exported = module.exports().map(|export| price_of(&export.ty())).sum::<u64>();
    let step = |store: &mut Store<StoreLimits>, result: wasmtime::Result<Vec<Bits>>| {
        let exports: Vec<Extern> = instance.exports(&mut *store).map(wasmtime::Export::into_extern).collect();
        let now: u64 = exports.iter().map(|export| price_now(store, export)).sum();
        Step { end: end(result), fuel: used(store) + now.saturating_sub(exported) }
    };
    let steps = steps(&mut store, &instance, plan, step, Ok(Vec::new()));
    Seen { steps, state: Some(state(&mut store, &instance)) }
}

/// The cost of growing from zero to its initial size.
fn price_of(ty: &ExternType) -> u64 {
    match ty {
        ExternType::Memory(memory) => memory.minimum() * Profile::V1.fuel.page,
        ExternType::Table(table) => table.minimum() * Profile::V1.fuel.element,
        _ => 0,
    }
}

/// The cost of growing from zero to its current size.
fn price_now(store: &Store<StoreLimits>, export: &Extern) -> u64 {
    match export {
        Extern::Memory(memory) => memory.size(store) * Profile::V1.fuel.page,
        Extern::Table(table) => table.size(store) * Profile::V1.fuel.element,
        _ => 0,
    }
}

fn store(module: &Module) -> Store<StoreLimits> {
    let limits = StoreLimitsBuilder::new().memory_size(MEMORY_BYTES).table_elements(TABLE_ELEMENTS).build();
    let mut store = Store::new(module.engine(), limits);
    store.limiter(|limits| limits);
    store
}

fn steps(
    store: &mut Store<StoreLimits>,
    instance: &Instance,
    plan: &Plan,
    step: impl Fn(&mut Store<StoreLimits>, wasmtime::Result<Vec<Bits>>) -> Step,
    started: wasmtime::Result<Vec<Bits>>,
) -> Vec<Step> {
    let mut steps = vec![step(store, started)];
    for (name, args) in &plan.calls {
        if !matches!(steps.last(), Some(Step { end: End::Returned(_), .. })) {
            break;
        }
        let result = match instance.get_func(&mut *store, name) {
            Some(function) => call(store, function, args),
            None => Err(wasmtime::Error::msg(format!("there is no function {name:?}"))),
        };
        steps.push(step(store, result));
    }
    steps
}

fn call(store: &mut Store<StoreLimits>, function: Func, args: &[Bits]) -> wasmtime::Result<Vec<Bits>> {
    let ty = function.ty(&*store);
    let args: Vec<Val> = ty.params().zip(args).map(|(ty, bits)| value(&ty, *bits)).collect();
    let mut results = vec![Val::I32(0); ty.results().len()];
    function.call(&mut *store, &args, &mut results)?;
    Ok(results.iter().map(bits).collect())
}

fn end_of(error: &wasmtime::Error) -> End {
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => End::OutOfFuel,
        Some(trap) => End::Trapped(*trap),
        None => End::Failed(format!("{error:#}")),
    }
}

#[expect(clippy::cast_possible_wrap, reason = "bits")]
fn value(ty: &ValType, bits: Bits) -> Val {
    match (ty, bits) {
        (ValType::F32, Bits::Short(bits)) => Val::F32(bits),
        (_, Bits::Short(bits)) => Val::I32(bits as i32),
        (ValType::F64, Bits::Long(bits)) => Val::F64(bits),
        (_, Bits::Long(bits)) => Val::I64(bits as i64),
        (_, Bits::Vector(bits)) => Val::V128(bits.into()),
        (ValType::Ref(ty), Bits::Reference(_)) => Val::null_ref(ty.heap_type()),
        (_, Bits::Reference(_)) => Val::null_ref(&HeapType::Func),
    }
}

#[expect(clippy::cast_sign_loss, reason = "bits")]
fn bits(value: &Val) -> Bits {
    match value {
        Val::I32(value) => Bits::Short(*value as u32),
        Val::I64(value) => Bits::Long(*value as u64),
        Val::F32(bits) => Bits::Short(*bits),
        Val::F64(bits) => Bits::Long(*bits),
        Val::V128(bits) => Bits::Vector(bits.as_u128()),
        other => Bits::Reference(other.ref_().is_some_and(|value| !value.is_null())),
    }
}

fn state(store: &mut Store<StoreLimits>, instance: &Instance) -> State {
    let exports: Vec<(String, Extern)> =
        instance.exports(&mut *store).map(|export| (export.name().to_owned(), export.into_extern())).collect();
    let mut state = State { globals: BTreeMap::new(), memories: BTreeMap::new(), tables: BTreeMap::new() };
    for (name, export) in exports {
        match export {
            _ if name.starts_with(RESERVED) => {}
            Extern::Global(global) => {
                state.globals.insert(name, bits(&global.get(&mut *store)));
            }
            Extern::Memory(memory) => {
                let mut digest = DefaultHasher::new();
                memory.data(&*store).hash(&mut digest);
                state.memories.insert(name, (memory.data_size(&*store), digest.finish()));
            }
            Extern::Table(table) => {
                let nulls = (0..table.size(&*store))
                    .map(|index| table.get(&mut *store, index).is_none_or(|element| element.is_null()));
                state.tables.insert(name, nulls.collect());
            }
            _ => {}
        }
    }
    state
}

fn set(store: &mut Store<StoreLimits>, instance: &Instance, name: &str, value: i64) {
    let Some(global) = instance.get_global(&mut *store, name) else { return };
    // The pass makes the global mutable and an i64.
    let _ = global.set(&mut *store, Val::I64(value));
}

fn get(store: &mut Store<StoreLimits>, instance: &Instance, name: &str) -> i64 {
    let global = instance.get_global(&mut *store, name);
    global.and_then(|global| global.get(&mut *store).i64()).unwrap_or(0)
}
