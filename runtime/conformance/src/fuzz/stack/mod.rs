//! Searches for native stack that is exhausted before the slots: recursion through frames that are larger than their
//! price. A run must end with a full stack, and its native bytes for each byte of a slot must not exceed the reserve of
//! the runtime (`runtime/src/engine.rs`).

mod frames;

use bacalhau_runtime::{
    MAX_STACK_BYTES,
    instrument::{self, FUEL_GLOBAL, SLOT_BYTES, STACK_GLOBAL},
};
use wasmtime::{Caller, Engine, Instance, Linker, Module, Store, Trap, Val};

use super::campaign::Failure;
use super::counts::Counts;
use super::dice::Dice;
use super::engines::Engines;

/// Native bytes that the runtime reserves for each byte of a slot.
pub const FACTOR: u64 = 64;
/// Native stack for the guest, as the runtime has it: for the most slots that a job may ask for, and a free leaf above.
pub const NATIVE_STACK: usize = (512 << 20) + (64 << 10);
/// The most slots that a job may ask for.
const MOST_SLOTS: u64 = MAX_STACK_BYTES / SLOT_BYTES;
/// Slots of most runs: as telling as all of them, and sooner over.
const FEW_SLOTS: u64 = MOST_SLOTS / 16;

/// Name in [`Counts`] of the largest ratio that was seen on an engine.
pub fn ratio_of(engine: &str) -> String {
    format!("native bytes for a byte of a slot, {engine}")
}

/// Where the guest was when it called the host.
#[derive(Debug, Default)]
struct Marks {
    /// Address on the native stack and slots left, at the first call and at the deepest.
    ends: Option<[(usize, i64); 2]>,
}

/// Generates one recursion and runs it to the end of its stack.
///
/// # Errors
///
/// The module, if the native stack ended first or would have.
pub fn try_one(engines: &Engines, dice: &mut Dice, counts: &mut Counts) -> Result<(), Failure> {
    let text = frames::module(dice);
    let slots = if dice.chance(10) { MOST_SLOTS } else { FEW_SLOTS };
    let wasm = wat::parse_str(&text).unwrap_or_default();
    check(engines, &wasm, slots, counts).map_err(|what| Failure { text: Some(text), wasm, what })
}

fn check(engines: &Engines, wasm: &[u8], slots: u64, counts: &mut Counts) -> Result<(), String> {
    let made = instrument::instrument(wasm).map_err(|refusal| format!("the pass refuses it: {refusal}"))?;
    counts.add("modules", 1);
    let mut wrong = Vec::new();
    let mut fuel = None;
    for tested in &engines.tested {
        let name = tested.name;
        let run = run(&tested.engine, &made, slots).map_err(|error| format!("{name}: {error:#}"))?;
        counts.add("runs to a full stack", 1);
        // Pulley's frames are not on the native stack, so only the end of the recursion is visible.
        if name != "pulley" {
            counts.most(&ratio_of(name), run.ratio);
        }
        #[expect(clippy::cast_precision_loss, reason = "the factor is small")]
        if let Some(problem) = run.problem {
            wrong.push(format!("{name}: {problem}, at {:.2} native bytes for a byte", run.ratio));
        } else if run.ratio > FACTOR as f64 {
            wrong.push(format!("{name}: {:.2} native bytes for a byte, more than {FACTOR}", run.ratio));
        } else if *fuel.get_or_insert(run.fuel) != run.fuel {
            wrong.push(format!("{name}: {} fuel left, others have {fuel:?}", run.fuel));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

struct Run {
    /// Native bytes for a byte of a slot.
    ratio: f64,
    /// Fuel left.
    fuel: i64,
    problem: Option<String>,
}

fn run(engine: &Engine, made: &[u8], slots: u64) -> wasmtime::Result<Run> {
    let module = Module::from_binary(engine, made)?;
    let mut linker = Linker::new(engine);
    linker.func_wrap("host", "mark", mark)?;
    let mut store = Store::new(engine, Marks::default());
    let instance = linker.instantiate(&mut store, &module)?;
    let slots = i64::try_from(slots).unwrap_or(i64::MAX);
    for (name, value) in [(FUEL_GLOBAL, i64::MAX), (STACK_GLOBAL, slots)] {
        if let Some(global) = instance.get_global(&mut store, name) {
            global.set(&mut store, Val::I64(value))?;
        }
    }
    let result = instance.get_typed_func::<(), ()>(&mut store, "run")?.call(&mut store, ());
    let left = global(&mut store, &instance, STACK_GLOBAL);
    let problem = match result {
        Ok(()) => Some("it returned".to_owned()),
        Err(error) => match error.downcast_ref::<Trap>() {
            Some(Trap::UnreachableCodeReached) if left < 0 => None,
            Some(trap) => Some(format!("{trap}, with {left} slots left")),
            None => Some(format!("{error:#}")),
        },
    };
    #[expect(clippy::cast_precision_loss, reason = "some million at most")]
    let ratio = store.data().ends.map_or(0.0, |[(high, many), (low, few)]| {
        (high - low) as f64 / ((many - few).max(1) as f64 * SLOT_BYTES as f64)
    });
    Ok(Run { ratio, fuel: global(&mut store, &instance, FUEL_GLOBAL), problem })
}

/// Remembers how far down the stacks have grown.
fn mark(mut caller: Caller<'_, Marks>) {
    let here = 0_u8;
    let at = std::ptr::from_ref(std::hint::black_box(&here)).addr();
    let left = caller.get_export(STACK_GLOBAL).and_then(|export| export.into_global()?.get(&mut caller).i64());
    let now = (at, left.unwrap_or(0));
    let ends = caller.data_mut().ends.get_or_insert([now, now]);
    if at < ends[1].0 {
        ends[1] = now;
    }
}

fn global(store: &mut Store<Marks>, instance: &Instance, name: &str) -> i64 {
    let global = instance.get_global(&mut *store, name);
    global.and_then(|global| global.get(&mut *store).i64()).unwrap_or(0)
}
