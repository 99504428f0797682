//! Rewrites a module so that fuel, call depth and NaNs are independent of the host: the same program uses the same
//! fuel, stops at the same operator and writes the same bits on every engine and processor.
//!
//! | concern | modules |
//! |---|---|
//! | fuel | `operators` (what each costs), `blocks` (where it is taken) |
//! | height of the call stack | `stack` |
//! | bits of NaNs | `nan` |
//! | operators that engines do not have alike | `replaced` |
//! | all of them | `function` (read once), `locals`, `body`, `code` (written once), `sections` (the rest of the module) |
//!
//! The engine's own features are not sufficient: its fuel differs between compilers and releases, is not exact after a
//! trap, and costs up to 2.6 times, its NaN switch up to 4.3; the native stack overflowed at 21,839 or 32,759 calls on
//! one processor, depending only on optimization. `PROFILE.md` has the rules; the implementation here is not part of
//! them.
//!
//! The host must:
//!
//! - set [`FUEL_GLOBAL`] and [`STACK_GLOBAL`] before any code of the guest runs. Both start as 0. After a return the
//!   stack again holds what it held before; after a trap the instance must not be used;
//! - call [`START_FUNCTION`] first if it is exported: it was the start function, which would run too early;
//! - after every stop, trap or return, check the globals: fuel below zero means that it is exhausted, whatever else
//!   happened; stack below zero means that it overflowed. The trap is `unreachable` then;
//! - provide enough native stack. Its overflow is a host failure, never a result. It cannot be excluded by proof: an
//!   optimizer may keep more values than the source has.
//!
//! No index changes, and all other sections are copied unchanged. Of the custom sections only `name` stays; the others
//! (debug information, branch hints) contain offsets that have changed. Hints about our own branches are added.
//!
//! It does not bound time or memory; `gate` must have accepted the module.

mod blocks;
mod body;
mod code;
mod function;
mod locals;
mod nan;
mod operators;
mod replaced;
mod sections;
mod stack;
mod types;

use std::collections::BTreeMap;

use wasm_encoder::BlockType;
use wasmparser::{
    FuncToValidate, FuncValidatorAllocations, FunctionBody, ValType, ValidPayload, Validator, ValidatorResources,
    WasmFeatures, types::Types,
};

use crate::gate::{RESERVED_PREFIX, Refusal, RefusalKind, proposals, second};
use crate::workers::change_all;
use bacalhau_receipt::Profile;
use blocks::Blocks;
use body::{Body, Counters, Plan};
use function::Function;
use sections::Sections;
use types::{Indices, ModuleTypes};

/// Export of the mutable `i64` global with the remaining fuel, set by the host. Negative: exhausted.
pub const FUEL_GLOBAL: &str = "__bacalhau_fuel";

/// Export of the mutable `i64` global with the remaining stack slots, set by the host. Negative: overflow.
pub const STACK_GLOBAL: &str = "__bacalhau_stack";

/// Export of the module's start function, if it has one. No parameters and results.
pub const START_FUNCTION: &str = "__bacalhau_start";

/// Export of modules that need profile V2. It is [`FUEL_GLOBAL`] under another name.
pub const V2_MARK: &str = "__bacalhau_v2";

/// Export of the memory in which the host requests a stop, by writing `i64::MAX` to [`LEAST_FUEL`] and `i64::MIN` to
/// [`STOP`]. The guest then executes `unreachable` at the next loop or call. Added only by [`instrument_stoppable`].
pub const STOP_MEMORY: &str = "__bacalhau_stop";

/// Offset in [`STOP_MEMORY`] of the `i64` that loops compare with the fuel; 0 until the host requests a stop.
pub const LEAST_FUEL: u64 = 0;

/// Offset in [`STOP_MEMORY`] of the `i64` whose sign calls check; 0 until the host requests a stop.
pub const STOP: u64 = 8;

/// Bytes of one unit of [`STACK_GLOBAL`]: a scalar value; a vector takes two.
pub const SLOT_BYTES: u64 = Profile::V1.stack.slot_bytes;

/// A function body and its validator.
type Unread<'a> = (FuncToValidate<ValidatorResources>, FunctionBody<'a>);

/// Instruments a binary module that `gate` has accepted, for any engine that supports its proposals.
///
/// # Errors
/// A rejection when the module is instrumented already, is not valid in the language of jobs, or has a function or
/// section that grows beyond the limits of WebAssembly engines.
pub fn instrument(wasm: &[u8]) -> Result<Vec<u8>, Refusal> {
    rewrite(wasm, false)
}

/// The same with [`STOP_MEMORY`], for engines with several memories, as in this runtime. Claims are equal.
///
/// # Errors
/// As for [`instrument`], and with 100 memories.
pub fn instrument_stoppable(wasm: &[u8]) -> Result<Vec<u8>, Refusal> {
    rewrite(wasm, true)
}

/// Takes the sections in the language of V1 if they are valid in it. Where a function then is not, though it may be in that of
/// V2, everything is read in V2: only there do equal types have one identity.
fn rewrite(wasm: &[u8], stoppable: bool) -> Result<Vec<u8>, Refusal> {
    if let Ok(read) = sections(wasm, proposals::features_of_v1()) {
        match rewrite_in(wasm, read, Language::V1, stoppable) {
            Err(refusal) if refusal.kind() == RefusalKind::Invalid => {}
            made => return made,
        }
    }
    let read = sections(wasm, proposals::features()).map_err(|error| proposals::invalid(&error))?;
    rewrite_in(wasm, read, Language::V2, stoppable)
}

fn rewrite_in(
    wasm: &[u8],
    (functions, types): (Vec<Unread<'_>>, Types),
    language: Language,
    stoppable: bool,
) -> Result<Vec<u8>, Refusal> {
    let mut sections = Sections::read(wasm)?;
    if let Some(name) = sections.exported.iter().find(|name| name.starts_with(RESERVED_PREFIX)) {
        let message = format!("the module exports {name:?}, so it is instrumented already: give it as it was before");
        return Err(Refusal::new(RefusalKind::Export, message));
    }
    let mut blocks = BlockTypes::new(&types);
    let module_types = ModuleTypes(&types);
    let around = |function: &Unread<'_>| blocks.around(module_types.of_function(function.0.index).1);
    let block_types = functions.iter().map(around).collect::<Result<Vec<BlockType>, _>>()?;
    let (globals, memories) = (types.as_ref().global_count(), types.as_ref().memory_count());
    let counters = Counters { fuel: globals, stack: globals + 1, stop: stoppable.then_some(memories) };
    let (bodies, language) = rewrite_all(wasm, &types, functions, &block_types, counters, language)?;
    sections.append_types(&blocks.new)?;
    if language == Language::V2 {
        second::check(types.as_ref())?;
        sections.define_shared_memory()?;
        sections.mark_v2(counters)?;
    }
    sections.append_counters(counters)?;
    sections.replace_code(bodies);
    Ok(sections.write())
}

/// The oldest profile that has the language of a module or function.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Language {
    V1,
    V2,
}

/// Validates everything but the function bodies, which are returned for that.
fn sections(wasm: &[u8], features: WasmFeatures) -> wasmparser::Result<(Vec<Unread<'_>>, Types)> {
    let mut validator = Validator::new_with_features(features);
    let mut functions = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(wasm) {
        match validator.payload(&payload?)? {
            ValidPayload::Func(validate, body) => functions.push((validate, body)),
            ValidPayload::End(types) => return Ok((functions, types)),
            _ => {}
        }
    }
    validator.end(wasm.len()).map(|types| (functions, types))
}

/// Reads a function in the oldest language that it is valid in, from `language` on.
fn read<'a>(
    (validate, body): Unread<'a>,
    language: Language,
    params: &[ValType],
    scratch: &mut FuncValidatorAllocations,
) -> wasmparser::Result<(Function<'a>, Language)> {
    if language == Language::V2 {
        return Ok((Function::read(validate, &body, params, scratch)?, language));
    }
    let FuncToValidate { index, ty, .. } = validate;
    let again = FuncToValidate { resources: validate.resources.clone(), index, ty, features: proposals::features() };
    match Function::read(validate, &body, params, scratch) {
        Ok(function) => Ok((function, Language::V1)),
        Err(_) => Ok((Function::read(again, &body, params, scratch)?, Language::V2)),
    }
}

/// Reads and rewrites all bodies with all threads, in their order. Returns them with the language that they need.
fn rewrite_all(
    wasm: &[u8],
    types: &Types,
    functions: Vec<Unread<'_>>,
    block_types: &[BlockType],
    counters: Counters,
    language: Language,
) -> Result<(Vec<Body>, Language), Refusal> {
    let vectors = stack::mentions_vectors(types);
    let module_types = ModuleTypes(types);
    let rewrite = |scratch: &mut FuncValidatorAllocations, (unread, block): (Unread<'_>, &BlockType)| {
        let params = module_types.of_function(unread.0.index).0;
        let (function, language) =
            read(unread, language, params, scratch).map_err(|error| proposals::invalid(&error))?;
        let blocks = Blocks::of(&function.operators);
        let canonical = nan::plan(&function, &blocks, module_types);
        let replaced = if language == Language::V2 { replaced::plan(&function, module_types) } else { Vec::new() };
        let wide = if blocks.sized { wide_operands(&function, module_types) } else { Vec::new() };
        let plan = Plan { price: function.frame.price(vectors), blocks, canonical, replaced, wide, block: *block };
        check_size(function.index, body::write(wasm, &function, &plan, counters)).map(|body| (body, language))
    };
    let rewritten: Vec<Result<(Body, Language), Refusal>> = change_all(functions, block_types, rewrite);
    // Only now is the first error picked: which thread failed first must not matter.
    let (bodies, languages): (Vec<_>, Vec<_>) =
        rewritten.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    Ok((bodies, languages.into_iter().max().unwrap_or(language)))
}

/// The operators that are charged by an operand of 64 bits.
fn wide_operands(function: &Function<'_>, types: ModuleTypes<'_>) -> Vec<usize> {
    let operators = function.operators.iter().enumerate();
    operators.filter(|(_, (operator, _))| types.has_wide_operand(operator)).map(|(index, _)| index).collect()
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

/// Types of the block around a body. Several results, and references, need a function type without parameters, which is
/// added after the module's own types.
struct BlockTypes<'a> {
    indices: Indices,
    added: BTreeMap<&'a [ValType], u32>,
    new: Vec<Vec<wasm_encoder::ValType>>,
    next: u32,
}

impl<'a> BlockTypes<'a> {
    fn new(types: &'a Types) -> Self {
        let next = types.as_ref().core_type_count_in_module();
        Self { indices: ModuleTypes(types).indices(), added: BTreeMap::new(), new: Vec::new(), next }
    }

    fn around(&mut self, results: &'a [ValType]) -> Result<BlockType, Refusal> {
        if results.is_empty() {
            return Ok(BlockType::Empty);
        }
        if let [ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64 | ValType::V128] = results
            && let Ok(result) = wasm_encoder::ValType::try_from(results[0])
        {
            return Ok(BlockType::Result(result));
        }
        if let Some(index) = self.added.get(results) {
            return Ok(BlockType::FunctionType(*index));
        }
        let encoded = |ty: &ValType| {
            let what = || Refusal::new(RefusalKind::Invalid, format!("no type {ty} can be a result here"));
            types::encoded(*ty, &self.indices).ok_or_else(what)
        };
        let encoded = results.iter().map(encoded).collect::<Result<_, _>>()?;
        let index = self.next;
        self.next += 1;
        self.new.push(encoded);
        self.added.insert(results, index);
        Ok(BlockType::FunctionType(index))
    }
}

#[cfg(test)]
mod running;
#[cfg(test)]
mod tests;
