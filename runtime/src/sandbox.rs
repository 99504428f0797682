//! A run: store, limits, call, outcome. `wasi` is the guest's environment, `results` keeps the outputs.

use std::fmt;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use wasmtime::{AsContextMut, Global, Instance, Memory, ResourceLimiter, Store, ThrownException, TypedFunc, Val};

use bacalhau_tree::{Deadline, HostFailure};

use crate::compiler::Form;
use crate::error::Error;
use crate::gate::Refusal;
use crate::instrument;
use crate::vfs::fault::Stop;
use crate::wasi::World;
use crate::watchdog::Watchdog;
use bacalhau_receipt::{CallTrail, DEFAULT_ENTRY_POINT, Job, Limit, Limits, Outcome, Trap};

/// State of a store.
pub(crate) struct State {
    pub(crate) world: World,
    /// The guest's host calls.
    pub(crate) calls: CallTrail,
    pub(crate) memory: Option<Memory>,
    /// Set after instantiation.
    pub(crate) counters: Option<Counters>,
    /// The module may have exceptions.
    exceptions: bool,
    fuel_limit: u64,
    limiter: Limiter,
}

impl State {
    pub(crate) fn new(world: World, limits: &Limits, exceptions: bool) -> Self {
        let (calls, limiter) = (CallTrail::default(), Limiter::new(limits));
        Self { world, calls, memory: None, counters: None, exceptions, fuel_limit: limits.fuel, limiter }
    }

    /// Shows the run's control how far the program is, with `left` fuel.
    pub(crate) fn report(&self, left: i64) {
        let Some(control) = &self.world.control else { return };
        let meters = control.meters();
        meters.fuel.set(self.fuel_limit.saturating_sub(u64::try_from(left).unwrap_or(0)));
        meters.bytes_in.set(self.world.vfs.bytes_in());
        meters.bytes_out.set(self.world.vfs.bytes_out());
        meters.memory_bytes.set(self.limiter.memory_bytes.used.saturating_sub(OWN_BYTES));
    }
}

/// The counters that `instrument` has added, inaccessible to the guest.
#[derive(Clone, Copy)]
pub(crate) struct Counters {
    fuel: Global,
    stack: Global,
    stop: Memory,
}

impl Counters {
    fn of(mut store: impl AsContextMut, instance: &Instance) -> Result<Self, HostFailure> {
        let fuel = instance.get_global(&mut store, instrument::FUEL_GLOBAL);
        let stack = instance.get_global(&mut store, instrument::STACK_GLOBAL);
        let stop = instance.get_memory(&mut store, instrument::STOP_MEMORY);
        match (fuel, stack, stop) {
            (Some(fuel), Some(stack), Some(stop)) => Ok(Self { fuel, stack, stop }),
            _ => Err(HostFailure::new("the compiled module has no counters: remove it from the cache")),
        }
    }

    /// Fuel that is left, below zero when there was too little.
    pub(crate) fn fuel(&self, store: impl AsContextMut) -> i64 {
        number(self.fuel.get(store))
    }

    pub(crate) fn set_fuel(&self, store: impl AsContextMut, fuel: i64) -> wasmtime::Result<()> {
        self.fuel.set(store, Val::I64(fuel))
    }

    /// Slots of the stack that are left, below zero when it was full.
    fn stack(&self, store: impl AsContextMut) -> i64 {
        number(self.stack.get(store))
    }
}

/// Both counters are of this type.
fn number(value: Val) -> i64 {
    if let Val::I64(value) = value { value } else { i64::MIN }
}

/// An ended run.
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    /// Fuel used: all of it if it was exhausted, and after a trap the amount at the last checkpoint (see `PROFILE.md`).
    pub(crate) fuel: u64,
    pub(crate) world: World,
    pub(crate) calls: CallTrail,
    pub(crate) notes: Vec<String>,
}

/// Runs the job's entry point in `world`, by a compiled form of its module.
pub(crate) fn run(
    form: &Form,
    job: &Job,
    world: World,
    watchdog: &Watchdog,
    deadline: &Deadline,
) -> Result<Ended, Error> {
    let pre = &form.pre;
    let exceptions = form.profile().exceptions.is_some();
    let mut store = Store::new(pre.module().engine(), State::new(world, &job.limits, exceptions));
    store.limiter(|state| state);
    let (outcome, left) = match pre.instantiate(&mut store) {
        Ok(instance) => {
            let counters = set_up(&mut store, &instance, job)?;
            let watch = watchdog.watch(&store, counters.stop, deadline.left());
            if let Some(control) = deadline.control() {
                let handle = watch.handle();
                control.on_cancel(move || handle.fire());
            }
            let ended = call(&mut store, instance, job);
            if ended.as_ref().err().and_then(trap) == Some(wasmtime::Trap::UnreachableCodeReached) && watch.has_fired()
            {
                deadline.check()?;
                return Err(HostFailure::new("the watchdog ended the run before its deadline").into());
            }
            conclude(&mut store, counters, ended)?
        }
        // No code of the guest has run.
        Err(error) => (outcome(Err(instantiation(&store, error)?))?, fuel_limit(job)),
    };
    let fuel = job.limits.fuel.saturating_sub(u64::try_from(left).unwrap_or(0));
    let state = store.into_data();
    state.report(left);
    let notes = notes(&state, job);
    Ok(Ended { outcome, fuel, world: state.world, calls: state.calls, notes })
}

/// Sets the limits of the job. No guest code has run yet, because there is no start section.
fn set_up(store: &mut Store<State>, instance: &Instance, job: &Job) -> Result<Counters, HostFailure> {
    let counters = Counters::of(&mut *store, instance)?;
    let slots = i64::try_from(job.limits.stack_bytes / instrument::SLOT_BYTES).unwrap_or(i64::MAX);
    counters.stack.set(&mut *store, Val::I64(slots)).map_err(engine_failed)?;
    counters.set_fuel(&mut *store, fuel_limit(job)).map_err(engine_failed)?;
    let memory = instance.get_memory(&mut *store, "memory");
    let state = store.data_mut();
    state.memory = memory;
    state.counters = Some(counters);
    Ok(counters)
}

/// A job with more than can be counted is refused before.
fn fuel_limit(job: &Job) -> i64 {
    i64::try_from(job.limits.fuel).unwrap_or(i64::MAX)
}

/// Calls the start function, `_initialize` where it is wanted, and the entry point.
fn call(store: &mut Store<State>, instance: Instance, job: &Job) -> wasmtime::Result<()> {
    let mut functions = vec![instrument::START_FUNCTION];
    if job.entry_point != DEFAULT_ENTRY_POINT {
        functions.push("_initialize");
    }
    functions.push(&job.entry_point);
    functions.dedup();
    for name in functions {
        let Ok(function) = instance.get_typed_func::<(), ()>(&mut *store, name) else { continue };
        on_own_stack(store, &function)?;
    }
    Ok(())
}

/// Calls on a separate stack of the engine, large enough for every guest, independent of the caller's thread. Nothing
/// in a run waits: the future yields only between steps of the engine's collection of exceptions.
fn on_own_stack(store: &mut Store<State>, function: &TypedFunc<(), ()>) -> wasmtime::Result<()> {
    let mut call = pin!(function.call_async(store.as_context_mut(), ()));
    loop {
        if let Poll::Ready(result) = call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return result;
        }
    }
}

/// The outcome of the run, and the remaining fuel. The counters take precedence: a guest with exhausted fuel may have
/// continued to the next check, or to its end.
fn conclude(
    store: &mut Store<State>,
    counters: Counters,
    ended: wasmtime::Result<()>,
) -> Result<(Outcome, i64), HostFailure> {
    let full = counters.stack(&mut *store) < 0;
    let unreachable = ended.as_ref().err().and_then(trap) == Some(wasmtime::Trap::UnreachableCodeReached);
    let outcome = outcome(ended)?;
    let left = counters.fuel(&mut *store);
    Ok(match outcome {
        _ if left < 0 => (Outcome::Limit(Limit::Fuel), 0),
        _ if unreachable && full => (Outcome::Limit(Limit::Stack), left),
        outcome => (outcome, left),
    })
}

fn trap(error: &wasmtime::Error) -> Option<wasmtime::Trap> {
    error.downcast_ref().copied()
}

/// The outcome by the engine.
fn outcome(ended: wasmtime::Result<()>) -> Result<Outcome, HostFailure> {
    let Err(error) = ended else { return Ok(Outcome::Exit(0)) };
    if error.is::<Stop>() {
        return match error.downcast::<Stop>() {
            Ok(Stop::Exit(code)) => Ok(Outcome::Exit(code)),
            Ok(Stop::Limit(limit)) => Ok(Outcome::Limit(limit)),
            Ok(Stop::Host(failure)) => Err(failure),
            Err(error) => Err(engine_failed(error)),
        };
    }
    if error.is::<ThrownException>() {
        return Ok(Outcome::Trap(Trap::UncaughtException));
    }
    let trap = match trap(&error) {
        Some(wasmtime::Trap::UnreachableCodeReached) => Trap::Unreachable,
        Some(wasmtime::Trap::MemoryOutOfBounds) => Trap::MemoryOutOfBounds,
        Some(wasmtime::Trap::TableOutOfBounds) => Trap::TableOutOfBounds,
        Some(wasmtime::Trap::IndirectCallToNull) => Trap::IndirectCallToNull,
        Some(wasmtime::Trap::BadSignature) => Trap::BadSignature,
        Some(wasmtime::Trap::IntegerOverflow) => Trap::IntegerOverflow,
        Some(wasmtime::Trap::IntegerDivisionByZero) => Trap::DivisionByZero,
        Some(wasmtime::Trap::BadConversionToInteger) => Trap::BadConversionToInteger,
        Some(wasmtime::Trap::NullReference) => Trap::NullReference,
        Some(wasmtime::Trap::HeapMisaligned) => Trap::UnalignedAtomic,
        Some(wasmtime::Trap::AtomicWaitNonSharedMemory) => Trap::WaitOnUnsharedMemory,
        // The native stack, which the guest's own bound was to keep out of reach, and traps of proposals that the gate
        // refuses.
        _ => return Err(engine_failed(error)),
    };
    Ok(Outcome::Trap(trap))
}

/// Why a module could not be instantiated: it exceeds the job's limits, or the host's resources.
fn instantiation(store: &Store<State>, error: wasmtime::Error) -> Result<wasmtime::Error, Error> {
    if let Some(refused) = &store.data().limiter.refused {
        return Err(Refusal::job(format!("the module cannot start: it {refused}")).into());
    }
    // A data or element segment out of bounds is a trap.
    if error.is::<wasmtime::Trap>() || error.is::<Stop>() { Ok(error) } else { Err(engine_failed(error).into()) }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn engine_failed(error: wasmtime::Error) -> HostFailure {
    HostFailure::new(format!("the WebAssembly engine cannot go on: {error:#}"))
}

fn notes(state: &State, job: &Job) -> Vec<String> {
    let mut notes: Vec<String> = state.limiter.refused.iter().map(|refused| format!("the program {refused}")).collect();
    if state.world.ran_out_of_descriptors {
        notes.push(format!(
            "the program met its limit of {} open files; raise it with --open-files",
            job.limits.open_files
        ));
    }
    notes
}

/// The memory in which `instrument` looks for the wish to stop: one page that the guest does not pay for.
const OWN_BYTES: u64 = 65_536;

/// The maximum of the memory in which the engine keeps exceptions. Memories of a module that V1 does not have are smaller
/// (see `instrument`), and other modules make none.
const EXCEPTIONS_MAXIMUM: usize = 1 << 32;

/// Memory of an element of a table: a pointer, and as much room to grow.
const TABLE_ELEMENT_BYTES: u64 = 16;

/// Enforces the job's limits on memories and tables. Growth beyond them returns `-1` to the guest; growth that the host
/// cannot provide ends the run, because another host could.
struct Limiter {
    /// The job's limit plus [`OWN_BYTES`].
    memory_bytes: Bound,
    table_elements: Bound,
    /// The last refused growth, reported after the run, because a guest may try without end.
    refused: Option<Refused>,
}

/// Growth that the job does not allow. Shows in words that follow on "the program".
#[derive(Clone, Copy)]
enum Refused {
    Memory { bytes: u64, most: u64 },
    Table { elements: usize, most: u64 },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { bytes, most } => {
                write!(f, "asked for {bytes} bytes of memory; the limit is {most}, raise it with --memory")
            }
            Self::Table { elements, most } => {
                write!(
                    f,
                    "asked for a table of {elements} elements; the limit is {most}, raise it with --table-elements"
                )
            }
        }
    }
}

struct Bound {
    used: u64,
    most: u64,
}

impl Bound {
    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let used = (self.used - current as u64).saturating_add(desired as u64);
        let fits = used <= self.most;
        if fits {
            self.used = used;
        }
        fits
    }
}

impl Limiter {
    fn new(limits: &Limits) -> Self {
        let bound = |most| Bound { used: 0, most };
        Self {
            memory_bytes: bound(limits.memory_bytes.saturating_add(OWN_BYTES)),
            table_elements: bound(limits.table_elements),
            refused: None,
        }
    }
}

impl ResourceLimiter for State {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|most| desired > most) {
            return Ok(false);
        }
        if self.exceptions && maximum == Some(EXCEPTIONS_MAXIMUM) {
            let counted = self.world.vfs.memory.take(desired.saturating_sub(current) as u64);
            return counted.map(|()| true).map_err(|failure| wasmtime::Error::new(Stop::Host(failure)));
        }
        let Limiter { memory_bytes, refused, .. } = &mut self.limiter;
        let fits = memory_bytes.grow(current, desired);
        if !fits {
            let wanted = (memory_bytes.used - current as u64).saturating_add(desired as u64);
            // Our memory is created last, so it is included in the sum from its creation on.
            let own = current == 0 && desired as u64 == OWN_BYTES && maximum == Some(desired);
            let ours = if own || current > 0 { OWN_BYTES } else { 0 };
            let most = memory_bytes.most - OWN_BYTES;
            *refused = Some(Refused::Memory { bytes: wanted.saturating_sub(ours), most });
        }
        Ok(fits)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        grow_failed("memory", &error)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|most| desired > most) {
            return Ok(false);
        }
        let Limiter { table_elements, refused, .. } = &mut self.limiter;
        if !table_elements.grow(current, desired) {
            *refused = Some(Refused::Table { elements: desired, most: table_elements.most });
            return Ok(false);
        }
        let growth = desired.saturating_sub(current) as u64;
        let counted = self.world.vfs.memory.take(growth.saturating_mul(TABLE_ELEMENT_BYTES));
        counted.map(|()| true).map_err(|failure| wasmtime::Error::new(Stop::Host(failure)))
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        grow_failed("table", &error)
    }
}

/// The guest must not see it: another host would have had the memory.
fn grow_failed(what: &str, error: &wasmtime::Error) -> wasmtime::Result<()> {
    let failure =
        HostFailure::new(format!("this machine has no memory for a larger {what}, which the job allows: {error:#}"));
    Err(wasmtime::Error::new(Stop::Host(failure)))
}
