//! Rewrites a module so that the height of its call stack is exact: the same program stops at the same depth on every
//! processor and at every level of optimisation.
//!
//! The native stack cannot be the measure: the same recursion overflowed at 21,839 or 32,759 calls on one processor,
//! depending on optimisation alone. So the module counts for itself. A global, [`STACK_GLOBAL`], holds the slots of 8
//! bytes that are left. A function takes its frame from it on entry and gives it back when it leaves (rules of the
//! price in `stack`, of the rewriting in `body`). When the global falls below zero the function executes
//! `unreachable`, and the host tells this trap from others by the sign.
//!
//! What the host has to do:
//!
//! - set [`STACK_GLOBAL`] before any code of the guest runs; it starts as 0, which stops every function that is not
//!   free. After a return it holds again what it held before the call; after a trap the instance must not be used;
//! - call [`START_FUNCTION`] first if it is exported: it was the start section, which would have run too early;
//! - have so much native stack that it never ends first (`engine` gives 32 bytes for each byte granted). If it does end
//!   first, that is a failure of the host and never a result. Nothing proves that it cannot happen: an optimiser may
//!   keep more values than the source had, so a contrived function can outgrow any factor.
//!
//! Nothing else changes: no index moves, and all other sections are copied byte for byte. Of the custom sections only
//! `name` stays; the others (debug information, branch hints) speak of offsets that have moved.
//!
//! It does not bound time or memory, and trusts that `gate` has accepted the module.

mod body;
mod sections;
mod stack;

use std::collections::BTreeMap;

use rayon::prelude::*;
use wasm_encoder::BlockType;
use wasmparser::{
    FuncToValidate, FuncType, FuncValidatorAllocations, FunctionBody, SubType, ValType, ValidPayload, Validator,
    ValidatorResources, types::Types,
};

use crate::gate::{RESERVED_PREFIX, Refusal, RefusalKind, proposals};
use body::Rewrite;
use sections::Sections;

/// Export of the mutable `i64` global that counts the fuel left, down from what the host sets. Negative: used up.
pub const FUEL_GLOBAL: &str = "__bacalhau_fuel";

/// Export of the mutable `i64` global that counts the slots left, down from what the host sets. Negative: used up.
pub const STACK_GLOBAL: &str = "__bacalhau_stack";

/// Export of the function that was the module's start section, if it had one. Takes and returns nothing.
pub const START_FUNCTION: &str = "__bacalhau_start";

/// Bytes that one unit of [`STACK_GLOBAL`] stands for: a scalar value; a vector takes two.
pub const SLOT_BYTES: u64 = 8;

/// A function body and what is needed to validate it.
type Function<'a> = (FuncToValidate<ValidatorResources>, FunctionBody<'a>);

/// Instruments a binary module that `gate` has accepted.
///
/// # Errors
///
/// A refusal when the module is instrumented already, when it is not valid in the language of jobs, or when a function
/// or a section grows beyond what WebAssembly engines accept.
pub fn instrument(wasm: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut sections = Sections::read(wasm)?;
    if let Some(name) = sections.exported.iter().find(|name| name.starts_with(RESERVED_PREFIX)) {
        let message = format!("the module exports {name:?}, so it is instrumented already: give it as it was before");
        return Err(Refusal::new(RefusalKind::Export, message));
    }
    let (functions, types) = validate(wasm)?;
    let mut blocks = BlockTypes::new(&types);
    let block_types: Vec<BlockType> =
        functions.iter().map(|function| blocks.around(results_of(&types, function.0.index))).collect();
    let global = types.as_ref().global_count();
    let bodies = rewrite_all(wasm, &types, functions, &block_types, global)?;
    sections.append_types(&blocks.new)?;
    sections.append_global()?;
    sections.append_exports(global)?;
    sections.replace_code(&bodies);
    Ok(sections.write())
}

/// Validates everything but the function bodies, which are returned for that.
fn validate(wasm: &[u8]) -> Result<(Vec<Function<'_>>, Types), Refusal> {
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

fn type_of(types: &Types, function: u32) -> Option<&FuncType> {
    let types = types.as_ref();
    types.get(types.core_function_at(function)).map(SubType::unwrap_func)
}

fn params_of(types: &Types, function: u32) -> &[ValType] {
    type_of(types, function).map_or(&[], FuncType::params)
}

fn results_of(types: &Types, function: u32) -> &[ValType] {
    type_of(types, function).map_or(&[], FuncType::results)
}

/// Measures and rewrites all bodies with all threads, in their order.
fn rewrite_all(
    wasm: &[u8],
    types: &Types,
    functions: Vec<Function<'_>>,
    block_types: &[BlockType],
    global: u32,
) -> Result<Vec<Vec<u8>>, Refusal> {
    let vectors = stack::mentions_vectors(types);
    let rewritten: Vec<Result<Vec<u8>, Refusal>> = functions
        .into_par_iter()
        .zip(block_types)
        .map_init(FuncValidatorAllocations::default, |scratch, ((validate, body), block)| {
            let index = validate.index;
            let params = params_of(types, index);
            let price = stack::price(validate, &body, params, vectors, scratch).map_err(|e| proposals::invalid(&e))?;
            let Some(price) = price else { return Ok(body.as_bytes().to_vec()) };
            let rewrite = Rewrite { wasm, global, price, block: *block };
            rewrite.body(&body).map_err(|error| proposals::invalid(&error)).and_then(|bytes| check_size(index, bytes))
        })
        .collect();
    // Only now is the first error picked: which thread failed first must not matter.
    rewritten.into_iter().collect()
}

fn check_size(index: u32, body: Vec<u8>) -> Result<Vec<u8>, Refusal> {
    /// As in `wasmparser::limits` and in browsers.
    const MOST: usize = 7_654_321;
    if body.len() <= MOST {
        return Ok(body);
    }
    let message = format!(
        "function {index} has {} bytes with the stack counter in it, more than the {MOST} of a function: split it",
        body.len()
    );
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
