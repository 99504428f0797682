//! One run: store, limits, call, outcome. What the guest can see is `wasi`'s business, what is kept of it `results`'.

use std::fmt;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use wasmtime::{AsContextMut, Global, Instance, InstancePre, Memory, ResourceLimiter, Store, TypedFunc, Val};

use crate::error::{Error, HostFailure};
use crate::gate::Refusal;
use crate::instrument;
use crate::job::{DEFAULT_ENTRY_POINT, Job};
use crate::limits::Limits;
use crate::outcome::{Limit, Outcome, Trap};
use crate::vfs::fault::Stop;
use crate::wasi::World;
use crate::watchdog;

/// What a store holds.
pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) memory: Option<Memory>,
    /// Room that is left on the guest's stack, below zero when it was full.
    stack: Option<Global>,
    limiter: Limiter,
}

impl State {
    pub(crate) fn new(world: World, limits: &Limits) -> Self {
        Self { world, memory: None, stack: None, limiter: Limiter::new(limits) }
    }
}

/// A run that came to its end.
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    pub(crate) fuel: u64,
    pub(crate) world: World,
    pub(crate) notes: Vec<String>,
}

/// Runs the job's entry point in `world`.
pub(crate) fn run(pre: &InstancePre<State>, job: &Job, world: World, timeout: Duration) -> Result<Ended, Error> {
    let mut store = Store::new(pre.module().engine(), State::new(world, &job.limits));
    store.limiter(|state| &mut state.limiter);
    store.set_epoch_deadline(watchdog::ticks(timeout));
    // Whether copying data segments costs fuel depends on how the host sets memory up (wasmtime #14331), so the guest's
    // fuel is given once that is done.
    store.set_fuel(u64::MAX).map_err(engine_failed)?;
    let ended = match pre.instantiate(&mut store) {
        Ok(instance) => {
            store.set_fuel(job.limits.fuel).map_err(engine_failed)?;
            call(&mut store, instance, job)?
        }
        Err(error) => Err(instantiation(&store, error)?),
    };
    let (outcome, _) = conclude(&mut store, ended, timeout)?;
    let left = store.get_fuel().map_err(engine_failed)?;
    let fuel = match outcome {
        Outcome::Limit(Limit::Fuel) => job.limits.fuel,
        _ => job.limits.fuel.saturating_sub(left),
    };
    let state = store.into_data();
    let notes = notes(&state, job);
    Ok(Ended { outcome, fuel, world: state.world, notes })
}

/// Calls the start function, `_initialize` where it is wanted, and the entry point.
fn call(store: &mut Store<State>, instance: Instance, job: &Job) -> Result<wasmtime::Result<()>, Error> {
    store.data_mut().memory = instance.get_memory(&mut *store, "memory");
    if let Some(height) = instance.get_global(&mut *store, instrument::STACK_GLOBAL) {
        let slots = i64::try_from(job.limits.stack_bytes / instrument::SLOT_BYTES).unwrap_or(i64::MAX);
        height.set(&mut *store, Val::I64(slots)).map_err(engine_failed)?;
        store.data_mut().stack = Some(height);
    }
    let mut functions = vec![instrument::START_FUNCTION];
    if job.entry_point != DEFAULT_ENTRY_POINT {
        functions.push("_initialize");
    }
    functions.push(&job.entry_point);
    functions.dedup();
    for name in functions {
        let Ok(function) = instance.get_typed_func::<(), ()>(&mut *store, name) else { continue };
        let called = on_own_stack(store, &function);
        if called.is_err() {
            return Ok(called);
        }
    }
    Ok(Ok(()))
}

/// Calls on a stack of the engine's, large enough for every guest, whatever the caller's thread has left. Nothing in a
/// run waits, so the future is ready when it is first polled.
fn on_own_stack(store: &mut Store<State>, function: &TypedFunc<(), ()>) -> wasmtime::Result<()> {
    let call = pin!(function.call_async(store.as_context_mut(), ()));
    match call.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(wasmtime::Error::msg("a call waited, which none can")),
    }
}

/// What ended the guest, and whether the fuel counter is exact.
fn conclude(
    store: &mut Store<State>,
    ended: wasmtime::Result<()>,
    timeout: Duration,
) -> Result<(Outcome, bool), HostFailure> {
    let Err(error) = ended else { return Ok((Outcome::Exit(0), true)) };
    if error.is::<Stop>() {
        return match error.downcast::<Stop>() {
            Ok(Stop::Exit(code)) => Ok((Outcome::Exit(code), true)),
            Ok(Stop::Limit(limit)) => Ok((Outcome::Limit(limit), true)),
            Ok(Stop::Host(failure)) => Err(failure),
            Err(error) => Err(engine_failed(error)),
        };
    }
    let Some(trap) = error.downcast_ref::<wasmtime::Trap>() else { return Err(engine_failed(error)) };
    let trap = match trap {
        wasmtime::Trap::OutOfFuel => return Ok((Outcome::Limit(Limit::Fuel), true)),
        wasmtime::Trap::UnreachableCodeReached if stack_is_full(store) => {
            return Ok((Outcome::Limit(Limit::Stack), false));
        }
        wasmtime::Trap::UnreachableCodeReached => Trap::Unreachable,
        wasmtime::Trap::MemoryOutOfBounds => Trap::MemoryOutOfBounds,
        wasmtime::Trap::TableOutOfBounds => Trap::TableOutOfBounds,
        wasmtime::Trap::IndirectCallToNull => Trap::IndirectCallToNull,
        wasmtime::Trap::BadSignature => Trap::BadSignature,
        wasmtime::Trap::IntegerOverflow => Trap::IntegerOverflow,
        wasmtime::Trap::IntegerDivisionByZero => Trap::DivisionByZero,
        wasmtime::Trap::BadConversionToInteger => Trap::BadConversionToInteger,
        wasmtime::Trap::Interrupt => return Err(HostFailure::timed_out(timeout.as_secs_f64())),
        // The native stack, which the guest's own bound was to keep out of reach, and traps of proposals that the gate
        // refuses.
        _ => return Err(engine_failed(error)),
    };
    Ok((Outcome::Trap(trap), false))
}

fn stack_is_full(store: &mut Store<State>) -> bool {
    let Some(height) = store.data().stack else { return false };
    matches!(height.get(&mut *store), Val::I64(left) if left < 0)
}

/// Why a module could not be set up: it asks for more than the job has, or for what the host does not have.
fn instantiation(store: &Store<State>, error: wasmtime::Error) -> Result<wasmtime::Error, Error> {
    if let Some(refused) = &store.data().limiter.refused {
        return Err(Refusal::job(format!("the module cannot start: it {refused}")).into());
    }
    // A data or element segment that does not fit is a trap like any other.
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

/// Holds linear memories and tables to the job's limits. Growth past them is told to the guest as `-1`; growth that the
/// host can't give ends the run, since another host could.
struct Limiter {
    memory_bytes: Bound,
    table_elements: Bound,
    /// What was refused last: nothing is said of it before the run is over, since a guest may ask without end.
    refused: Option<Refused>,
}

/// Growth that the job does not allow. Shows in words that follow on "the program".
#[derive(Clone, Copy)]
enum Refused {
    Memory { bytes: usize, most: u64 },
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
        Self { memory_bytes: bound(limits.memory_bytes), table_elements: bound(limits.table_elements), refused: None }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|most| desired > most) {
            return Ok(false);
        }
        let fits = self.memory_bytes.grow(current, desired);
        if !fits {
            self.refused = Some(Refused::Memory { bytes: desired, most: self.memory_bytes.most });
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
        let fits = self.table_elements.grow(current, desired);
        if !fits {
            self.refused = Some(Refused::Table { elements: desired, most: self.table_elements.most });
        }
        Ok(fits)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        grow_failed("table", &error)
    }
}

/// The guest must not be told of it: another host would have had the room.
fn grow_failed(what: &str, error: &wasmtime::Error) -> wasmtime::Result<()> {
    let failure =
        HostFailure::new(format!("this machine has no room for a larger {what}, which the job allows: {error:#}"));
    Err(wasmtime::Error::new(Stop::Host(failure)))
}
