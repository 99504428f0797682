//! A generator of programs with floats: NaNs of every kind, in scalars and vectors, through locals, globals, memory,
//! blocks, loops, branches and calls. It generates all shapes that the lazy canonicalization of the pass distinguishes.

mod constants;
mod control;
mod generator;
mod module;
mod ops;
mod statements;

use wasmparser::Validator;

use super::campaign::Failure;
use super::check;
use super::counts::Counts;
use super::dice::Dice;
use super::engines::{Engines, language};
use super::node::Node;
use super::shrink::shrink;

/// How often a failing program is run to make it smaller.
const TRIES: usize = 3_000;

/// Generates one program and checks it. A failing one is made small first.
///
/// # Errors
///
/// The module, if anything differed.
pub fn try_one(engines: &Engines, dice: &mut Dice, counts: &mut Counts) -> Result<(), Failure> {
    let program = module::module(dice);
    // Pulley compiles as long as Cranelift does and runs much longer.
    let leave_out: &[&str] = if dice.chance(25) { &[] } else { &["pulley"] };
    let afterwards = dice.clone();
    let Err(what) = check_text(engines, &program, leave_out, dice, counts) else { return Ok(()) };
    let mut why = what;
    let small = shrink(program, TRIES, &mut |candidate| match check_text(
        engines,
        candidate,
        leave_out,
        &mut afterwards.clone(),
        &mut Counts::default(),
    ) {
        Ok(()) => false,
        Err(what) => {
            let program = !what.starts_with(NO_PROGRAM);
            if program {
                why = what;
            }
            program
        }
    });
    let text = small.to_string();
    Err(Failure { wasm: wat::parse_str(&text).unwrap_or_default(), text: Some(text), what: why })
}

/// How an error of the generator itself is told, which shrinking must not end in.
const NO_PROGRAM: &str = "the generator writes no program";

fn check_text(
    engines: &Engines,
    program: &Node,
    leave_out: &[&str],
    dice: &mut Dice,
    counts: &mut Counts,
) -> Result<(), String> {
    let text = program.to_string();
    let wasm = wat::parse_str(&text).map_err(|error| format!("{NO_PROGRAM}: {error}"))?;
    let mut validator = Validator::new_with_features(language());
    validator.validate_all(&wasm).map_err(|error| format!("{NO_PROGRAM}: {error}"))?;
    check::check(engines, &wasm, leave_out, dice, counts)
}
