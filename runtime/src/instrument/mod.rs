//! Rewrites a module so that what it costs, how deep it calls and which NaNs it makes no longer depend on who runs it:
//! the same program uses the same fuel, stops at the same operator and writes the same bits on every engine and processor.
//!
//! | concern | rooms |
//! |---|---|
//! | fuel | `operators` (what each costs), `blocks` (where it is taken) |
//! | height of the call stack | `stack` |
//! | bits of NaNs | `nan` |
//! | all three | `function` (read once), `locals`, `body`, `code` (written once), `sections` (the rest of the module) |
//!
//! The engine's own means will not do. Its fuel is counted otherwise by each compiler and release, is not exact after a
//! trap, and costs up to 2.6 times, its NaN switch up to 4.3; the native stack overflowed at 21,839 or 32,759 calls on one
//! processor, depending on optimisation alone. The rules are those of `PROFILE.md`; how they are kept here is not part
//! of them.
//!
//! What the host has to do:
//!
//! - set [`FUEL_GLOBAL`] and [`STACK_GLOBAL`] before any code of the guest runs. Both start as 0. After a return the
//!   stack again holds what it held before; after a trap the instance must not be used;
//! - call [`START_FUNCTION`] first if it is exported: it was the start section, which would have run too early;
//! - after every stop, trap or return, look at the globals: fuel below zero means that it ran out, whatever else seems to
//!   have happened; stack below zero that it was full. The trap is `unreachable` then;
//! - have so much native stack that it never ends first. If it does, that is a failure of the host and never a result.
//!   Nothing proves that it cannot happen: an optimiser may keep more values than the source had.
//!
//! No index moves, and all other sections are copied byte for byte. Of the custom sections only `name` stays; the others
//! (debug information, branch hints) speak of offsets that have moved. Hints about our own branches are added.
//!
//! It does not bound time or memory, and trusts that `gate` has accepted the module.

mod blocks;
mod body;
mod code;
mod function;
mod locals;
mod nan;
mod operators;
mod sections;
mod stack;
mod types;

use std::collections::BTreeMap;

use rayon::prelude::*;
use wasm_encoder::BlockType;
use wasmparser::{
    FuncToValidate, FuncValidatorAllocations, FunctionBody, ValType, ValidPayload, Validator, ValidatorResources,
    types::Types,
};

use crate::gate::{RESERVED_PREFIX, Refusal, RefusalKind, proposals};
use crate::profile::Profile;
use blocks::Blocks;
use body::{Body, Counters, Plan};
use function::Function;
use sections::Sections;
use types::Signatures;

/// Export of the mutable `i64` global that counts the fuel left, down from what the host sets. Negative: used up.
pub const FUEL_GLOBAL: &str = "__bacalhau_fuel";

/// Export of the mutable `i64` global that counts the slots left, down from what the host sets. Negative: used up.
pub const STACK_GLOBAL: &str = "__bacalhau_stack";

/// Export of the function that was the module's start section, if it had one. Takes and returns nothing.
pub const START_FUNCTION: &str = "__bacalhau_start";

/// Export of the memory in which the host asks a run to stop, by writing `i64::MAX` to [`LEAST_FUEL`] and `i64::MIN` to
/// [`STOP`]. The guest executes `unreachable` at the next loop or call then. Only [`instrument_stoppable`] adds it.
pub const STOP_MEMORY: &str = "__bacalhau_stop";

/// Offset in [`STOP_MEMORY`] of the `i64` that loops compare the fuel with; 0 until the host wants something.
pub const LEAST_FUEL: u64 = 0;

/// Offset in [`STOP_MEMORY`] of the `i64` that calls look at, for its sign; 0 until the host wants something.
pub const STOP: u64 = 8;

/// Bytes that one unit of [`STACK_GLOBAL`] stands for: a scalar value; a vector takes two.
pub const SLOT_BYTES: u64 = Profile::V1.stack.slot_bytes;

/// A function body and what is needed to validate it.
type Unread<'a> = (FuncToValidate<ValidatorResources>, FunctionBody<'a>);

/// Instruments a binary module that `gate` has accepted, for any engine that knows the proposals it uses.
///
/// # Errors
///
/// A refusal when the module is instrumented already, when it is not valid in the language of jobs, or when a function
/// or a section grows beyond what WebAssembly engines accept.
pub fn instrument(wasm: &[u8]) -> Result<Vec<u8>, Refusal> {
    rewrite(wasm, false)
}

/// The same with [`STOP_MEMORY`], for engines with several memories: what our own runtime does. Nothing that can be claimed
/// differs.
///
/// # Errors
///
/// As for [`instrument`]; here a module with 100 memories is one too many.
pub fn instrument_stoppable(wasm: &[u8]) -> Result<Vec<u8>, Refusal> {
    rewrite(wasm, true)
}

fn rewrite(wasm: &[u8], stoppable: bool) -> Result<Vec<u8>, Refusal> {
    let mut sections = Sections::read(wasm)?;
    if let Some(name) = sections.exported.iter().find(|name| name.starts_with(RESERVED_PREFIX)) {
        let message = format!("the module exports {name:?}, so it is instrumented already: give it as it was before");
        return Err(Refusal::new(RefusalKind::Export, message));
    }
    let (functions, types) = validate(wasm)?;
    let mut blocks = BlockTypes::new(&types);
    let signatures = Signatures(&types);
    let block_types: Vec<BlockType> =
        functions.iter().map(|function| blocks.around(signatures.of_function(function.0.index).1)).collect();
    let (globals, memories) = (types.as_ref().global_count(), types.as_ref().memory_count());
    let counters = Counters { fuel: globals, stack: globals + 1, stop: stoppable.then_some(memories) };
    let bodies = rewrite_all(wasm, &types, functions, &block_types, counters)?;
    sections.append_types(&blocks.new)?;
    sections.append_counters(counters)?;
    sections.replace_code(bodies);
    Ok(sections.write())
}

/// Validates everything but the function bodies, which are returned for that.
fn validate(wasm: &[u8]) -> Result<(Vec<Unread<'_>>, Types), Refusal> {
    let mut validator = Validator::new_with_features(proposals::features());
    let mut functions = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(|error| proposals::invalid(&error))?;
        match validator.payload(&payload).map_err(|error| proposals::invalid(&error))? {
            ValidPayload::Func(validate, body) => functions.push((validate, body)),
            ValidPayload::End(types) => return Ok((functions, types)),
            _ => {}
        }
    }
    Err(Refusal::new(RefusalKind::Invalid, "the module has no end: fetch or copy it again"))
}

/// Reads and rewrites all bodies with all threads, in their order.
fn rewrite_all(
    wasm: &[u8],
    types: &Types,
    functions: Vec<Unread<'_>>,
    block_types: &[BlockType],
    counters: Counters,
) -> Result<Vec<Body>, Refusal> {
    let vectors = stack::mentions_vectors(types);
    let signatures = Signatures(types);
    let rewritten: Vec<Result<Body, Refusal>> = functions
        .into_par_iter()
        .zip(block_types)
        .map_init(FuncValidatorAllocations::default, |scratch, ((validate, body), block)| {
            let params = signatures.of_function(validate.index).0;
            let function =
                Function::read(validate, &body, params, scratch).map_err(|error| proposals::invalid(&error))?;
            let blocks = Blocks::of(&function.operators);
            let canonical = nan::plan(&function, &blocks, signatures);
            let plan = Plan { price: function.frame.price(vectors), blocks, canonical, block: *block };
            check_size(function.index, body::write(wasm, &function, &plan, counters))
        })
        .collect();
    // Only now is the first error picked: which thread failed first must not matter.
    rewritten.into_iter().collect()
}

fn check_size(index: u32, body: Option<Body>) -> Result<Body, Refusal> {
    /// As in `wasmparser::limits` and in browsers.
    const MOST: usize = 7_654_321;
    let message = match body {
        Some(body) if body.0.len() <= MOST => return Ok(body),
        Some((bytes, _)) => format!(
            "function {index} has {} bytes with the counters in it, more than the {MOST} of a function: split it",
            bytes.len()
        ),
        None => format!("function {index} has no room for our locals beside its own: use fewer than 49,990"),
    };
    Err(Refusal::new(RefusalKind::TooLarge, message))
}

/// Types for the block that is put around a body. Several results need a function type of their own, without
/// parameters; those are added to the module behind its own types.
struct BlockTypes {
    added: BTreeMap<Vec<ValType>, u32>,
    new: Vec<Vec<ValType>>,
    next: u32,
}

impl BlockTypes {
    fn new(types: &Types) -> Self {
        Self { added: BTreeMap::new(), new: Vec::new(), next: types.as_ref().core_type_count_in_module() }
    }

    fn around(&mut self, results: &[ValType]) -> BlockType {
        if results.is_empty() {
            return BlockType::Empty;
        }
        if let [ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64 | ValType::V128] = results
            && let Ok(result) = wasm_encoder::ValType::try_from(results[0])
        {
            return BlockType::Result(result);
        }
        if let Some(index) = self.added.get(results) {
            return BlockType::FunctionType(*index);
        }
        let index = self.next;
        self.next += 1;
        self.new.push(results.to_vec());
        self.added.insert(results.to_vec(), index);
        BlockType::FunctionType(index)
    }
}

#[cfg(test)]
mod running;
#[cfg(test)]
mod tests;
