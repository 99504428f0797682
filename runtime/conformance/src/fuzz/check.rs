//! The check of one module:
//!
//! - The instrumented module is valid in the language of the profile.
//! - All engines under test give bit-equal results, fuel, globals, memories, tables, and outcomes of each call, with
//!   much fuel, with too little, and with few slots.
//! - The plain module with wasmtime's own meter and eager canonicalization gives the same, including the fuel of calls
//!   that return. Not compared are the fuel after a trap (wasmtime's is not exact), and the state after the fuel or the
//!   slots are exhausted (wasmtime detects the first at other places, and has no equivalent of the second). The fuel
//!   that wasmtime charges for its own code, which initializes globals and tables, is subtracted.

use bacalhau_runtime::instrument;
use wasmparser::Validator;
use wasmtime::{Engine, ExternType, Module, ValType};

use super::counts::Counts;
use super::dice::Dice;
use super::engines::{Engines, SLOTS, Tested, language};
use super::run::{self, Bits, End, Plan, Seen};

/// Names in [`Counts`].
pub const MODULES: &str = "modules";
/// Modules that would differ if nothing canonicalized NaNs.
pub const BARE_DIFFERS: &str = "modules with other bits on Cranelift without canonicalization";
/// Calls compared with wasmtime's fuel.
pub const FUEL_COMPARED: &str = "calls that returned, fuel compared with wasmtime's";
/// Runs that ended for want of fuel.
pub const OUT_OF_FUEL: &str = "runs out of fuel";
/// Runs that ended for want of slots.
pub const STACK_FULL: &str = "runs with a full stack";
/// Runs that ended in a trap of the guest's.
pub const TRAPPED: &str = "runs that trapped";

/// Fuel of a run: some pages of memory, too.
const FUEL: u64 = 300_000;
/// Factor on the limits of the reference engine, so that it never stops first.
const MORE: u64 = 4;
/// Runs of one module at most.
const RUNS: usize = 10;

/// A module as all engines have compiled it.
struct Compiled<'a> {
    tested: Vec<(&'a Tested, Module)>,
    canonical: Module,
    bare: Module,
}

/// Runs a module on all engines under test except `leave_out`, and compares.
///
/// # Errors
/// Describes the difference and the call.
pub fn check(
    engines: &Engines,
    wasm: &[u8],
    leave_out: &[&str],
    dice: &mut Dice,
    counts: &mut Counts,
) -> Result<(), String> {
    let Some(compiled) = compile(engines, wasm, leave_out, counts)? else { return Ok(()) };
    counts.add(MODULES, 1);
    let mut bare_differs = false;
    for plan in plans(&compiled.canonical, dice) {
        let seen = everywhere(&compiled.tested, &plan, counts)?;
        let enough = Plan { fuel: plan.fuel * MORE, ..plan.clone() };
        let canonical = run::plain(&compiled.canonical, &enough);
        compare(&seen, &canonical, &plan, counts).map_err(|what| format!("{what}\n{plan:?}"))?;
        bare_differs |= canonical != run::plain(&compiled.bare, &enough);
        let used = seen.last().fuel;
        let short = Plan { fuel: dice.below(used + 1), ..plan.clone() };
        let stopped = everywhere(&compiled.tested, &short, counts)?;
        let returned = matches!(seen.last().end, End::Returned(_));
        if returned && (stopped.last().end == End::OutOfFuel) != (short.fuel < used) {
            return Err(format!("used {used}, and with {} {:?}\n{short:?}", short.fuel, stopped.last()));
        }
        let slots = i64::try_from(dice.below(300)).unwrap_or(0);
        everywhere(&compiled.tested, &Plan { slots, ..plan }, counts)?;
    }
    counts.add(BARE_DIFFERS, u64::from(bare_differs));
    Ok(())
}

/// `None` if the pass may reject the plain module.
fn compile<'a>(
    engines: &'a Engines,
    wasm: &[u8],
    leave_out: &[&str],
    counts: &mut Counts,
) -> Result<Option<Compiled<'a>>, String> {
    let compile =
        |engine: &Engine, wasm: &[u8]| Module::from_binary(engine, wasm).map_err(|error| format!("{error:#}"));
    // wasm-smith has references to host objects, and code too large to compile.
    let (Ok(canonical), Ok(bare)) = (compile(&engines.canonical, wasm), compile(&engines.bare, wasm)) else {
        counts.add("modules that are not of the profile", 1);
        return Ok(None);
    };
    let made = instrument::instrument(wasm).map_err(|refusal| format!("the pass refuses it: {refusal}"))?;
    let mut validator = Validator::new_with_features(language());
    validator.validate_all(&made).map_err(|error| format!("not valid after the pass: {error}"))?;
    let mut tested = Vec::new();
    for engine in engines.tested.iter().filter(|tested| !leave_out.contains(&tested.name)) {
        match compile(&engine.engine, &made) {
            Ok(module) => tested.push((engine, module)),
            Err(error) if engine.name == "winch" => {
                // With the reason, short of the place.
                let why = error.rsplit(": ").next().and_then(|why| why.split(" (at offset").next()).unwrap_or_default();
                counts.add(&format!("modules that Winch does not compile: {why}"), 1);
            }
            Err(error) => return Err(format!("{} does not compile what the pass made: {error}", engine.name)),
        }
    }
    Ok(Some(Compiled { tested, canonical, bare }))
}

/// Runs the plan on every engine under test. They have to agree.
fn everywhere(tested: &[(&Tested, Module)], plan: &Plan, counts: &mut Counts) -> Result<Seen, String> {
    let mut first: Option<(&str, Seen)> = None;
    for (engine, module) in tested {
        let seen = run::instrumented(module, plan);
        counts.add("calls on engines under test", seen.steps.len() as u64 - 1);
        match &first {
            Some((name, expected)) if *expected != seen => {
                let (left, right) = apart(expected, &seen);
                return Err(format!(
                    "{name} and {} differ\n{name}: {left}\n{}: {right}\n{plan:?}",
                    engine.name, engine.name
                ));
            }
            Some(_) => {}
            None => first = Some((engine.name, seen)),
        }
    }
    let (_, seen) = first.ok_or("no engine under test")?;
    match seen.last().end {
        End::OutOfFuel => counts.add(OUT_OF_FUEL, 1),
        End::StackFull => counts.add(STACK_FULL, 1),
        End::Trapped(_) => counts.add(TRAPPED, 1),
        End::Returned(_) => counts.add("runs that returned", 1),
        End::Failed(_) => counts.add("runs that did not begin", 1),
    }
    Ok(seen)
}

/// Compares the instrumented module with the plain one.
fn compare(seen: &Seen, plain: &Seen, plan: &Plan, counts: &mut Counts) -> Result<(), String> {
    let own = plain.steps[0].fuel.saturating_sub(seen.steps[0].fuel);
    for (index, step) in seen.steps.iter().enumerate() {
        let Some(expected) = plain.steps.get(index) else {
            return Err(format!("call {index} was not reached: {plain:?}"));
        };
        let equal = match (&step.end, &expected.end) {
            (End::OutOfFuel, End::Returned(_)) => expected.fuel > plan.fuel + own,
            (End::StackFull, _) | (End::OutOfFuel, End::OutOfFuel | End::Trapped(_)) => true,
            (End::Returned(_), _) => step.end == expected.end && step.fuel + own == expected.fuel,
            (end, expected) => end == expected,
        };
        if !equal {
            return Err(format!("call {index} is {step:?}\nand has to be {expected:?}"));
        }
        match step.end {
            End::OutOfFuel | End::StackFull => return Ok(()),
            End::Returned(_) => counts.add(FUEL_COMPARED, 1),
            End::Trapped(_) if step.fuel != expected.fuel => {
                counts.add("traps after which wasmtime's fuel is another", 1);
            }
            End::Trapped(_) | End::Failed(_) => {}
        }
    }
    // After a trap in the start section the plain module has no comparable state.
    if plain.state.is_some() && seen.state != plain.state {
        let (left, right) = apart(seen, plain);
        return Err(format!("the state is {left}\nand has to be {right}"));
    }
    Ok(())
}

/// Both in words, without the many parts that are equal.
fn apart(one: &Seen, other: &Seen) -> (String, String) {
    if one.steps != other.steps {
        return (format!("{:?}", one.steps), format!("{:?}", other.steps));
    }
    let (Some(one), Some(other)) = (&one.state, &other.state) else {
        return (format!("{:?}", one.state), format!("{:?}", other.state));
    };
    let globals = |state: &run::State, beside: &run::State| {
        let globals: Vec<_> =
            state.globals.iter().filter(|(name, bits)| beside.globals.get(*name) != Some(bits)).collect();
        format!("globals {globals:x?} memories {:?} tables {:?}", state.memories, state.tables.len())
    };
    (globals(one, other), globals(other, one))
}

/// Each export with arguments of every kind, followed by two more calls on the same instance.
fn plans(module: &Module, dice: &mut Dice) -> Vec<Plan> {
    let functions: Vec<(String, Vec<ValType>)> = module
        .exports()
        .filter_map(|export| match export.ty() {
            ExternType::Func(ty) => Some((export.name().to_owned(), ty.params().collect())),
            _ => None,
        })
        .collect();
    if functions.is_empty() {
        return vec![Plan { calls: Vec::new(), fuel: FUEL, slots: SLOTS }];
    }
    let first = dice.below(functions.len() as u64);
    let first = usize::try_from(first).unwrap_or(0);
    (0..RUNS.min(functions.len() * 3))
        .map(|run| {
            let calls = (0..3).map(|step| {
                let (name, params) = &functions[(first + run + step) % functions.len()];
                let kind = run + 2 * step;
                (name.clone(), params.iter().map(|ty| argument(ty, kind, dice)).collect())
            });
            Plan { calls: calls.collect(), fuel: FUEL, slots: SLOTS }
        })
        .collect()
}

/// Zeros, ones, NaNs with a payload, the ends of the range, anything.
fn argument(ty: &ValType, kind: usize, dice: &mut Dice) -> Bits {
    const F64_ONE: u64 = 0x3ff0_0000_0000_0000;
    const F32_ONE: u32 = 0x3f80_0000;
    const F64_NANS: [u64; 4] =
        [0x7ff8_0000_0000_1234, 0xfff8_0000_0000_0001, 0x7ff0_0000_0000_0001, 0xffff_ffff_ffff_ffff];
    const F32_NANS: [u32; 4] = [0x7fc0_1234, 0xffc0_0001, 0x7f80_0001, 0xffff_ffff];
    const F64_ENDS: [u64; 5] = [0x7ff0_0000_0000_0000, 0xfff0_0000_0000_0000, 1 << 63, 1, 0x7fef_ffff_ffff_ffff];
    const F32_ENDS: [u32; 5] = [0x7f80_0000, 0xff80_0000, 1 << 31, 1, 0x7f7f_ffff];
    let long = match (kind % 5, ty) {
        (0, _) => 0,
        (1, ValType::F64) => F64_ONE,
        (1, ValType::F32) => u64::from(F32_ONE),
        (1, _) => 1,
        (2, ValType::F32) => u64::from(dice.pick(&F32_NANS)),
        (2, _) => dice.pick(&F64_NANS),
        (3, ValType::F32) => u64::from(dice.pick(&F32_ENDS)),
        (3, ValType::F64) => dice.pick(&F64_ENDS),
        (3, _) => dice.pick(&[0x7fff_ffff, 0x8000_0000, i64::MAX.unsigned_abs(), i64::MIN.unsigned_abs(), u64::MAX]),
        _ => dice.bits(),
    };
    #[expect(clippy::cast_possible_truncation, reason = "bits, of which a type takes the low ones")]
    match ty {
        ValType::I32 | ValType::F32 => Bits::Short(long as u32),
        ValType::I64 | ValType::F64 => Bits::Long(long),
        ValType::V128 => {
            Bits::Vector(u128::from(long) << 64 | u128::from(dice.pick(&F64_NANS).rotate_left(kind as u32)))
        }
        ValType::Ref(_) => Bits::Reference(false),
    }
}
