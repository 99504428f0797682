//! Which WebAssembly the jobs are written in: the proposals that are allowed, each with the reason.
//!
//! The list is a struct literal without a rest, so an update of wasmparser that knows a new proposal does not build
//! until somebody decides about it here. What is allowed must give the same answer on every processor, be metered, and
//! be understood by the instrumentation.

use wasmparser::{Error, Validator, WasmFeatures, WasmFeaturesInflated, types::Types};

use super::refusal::{Refusal, RefusalKind};

/// Beyond this size the proposal is not looked for: it means reading the module once more for each one that is denied.
const DIAGNOSE_MAX_BYTES: usize = 64 << 20;

const ALLOWED: WasmFeaturesInflated = WasmFeaturesInflated {
    // What compilers emit by default today. Integers and memory only, or exactly specified.
    mutable_global: true,
    saturating_float_to_int: true,
    sign_extension: true,
    multi_value: true,
    bulk_memory: true,
    bulk_memory_opt: true,
    extended_const: true,
    tail_call: true,
    multi_memory: true,
    // Tables of functions, as current Rust and C use them. `gc_types` below takes externref out again.
    reference_types: true,
    call_indirect_overlong: true,
    // Exact but for the bits of NaN, which `instrument` makes canonical, in scalars and in vectors.
    floats: true,
    simd: true,

    // The result depends on the processor by design.
    relaxed_simd: false,
    // Order of execution is the host's.
    threads: false,
    shared_everything_threads: false,
    // Unwinding would go past the stack accounting of `instrument`.
    exceptions: false,
    legacy_exceptions: false,
    // Switches stacks behind the back of the same accounting.
    stack_switching: false,
    // When a collector runs and when it gives up are details of an engine. Typed references come with it.
    gc: false,
    gc_types: false,
    function_references: false,
    custom_descriptors: false,
    // Addresses are 32 bits wide in WASI preview 1, and 64-bit memories are checked in another way on each processor.
    memory64: false,
    // Protection and pages of other sizes: not finished, and the host's page size would show.
    memory_control: false,
    custom_page_sizes: false,
    // Not finished: their encoding may still change, and then the same bytes would mean something else.
    wide_arithmetic: false,
    compact_imports: false,

    // Components are another format; a module has no use for any of these.
    component_model: false,
    cm_values: false,
    cm_nested_names: false,
    cm_async: false,
    cm_async_stackful: false,
    cm_more_async_builtins: false,
    cm_threading: false,
    cm_error_context: false,
    cm_fixed_length_lists: false,
    cm_gc: false,
    cm_map: false,
    cm64: false,
    cm_implements: false,
    cm_canon_names: false,
};

/// The language of jobs, for whoever has to validate or to configure an engine the same way.
pub(crate) fn features() -> WasmFeatures {
    WasmFeatures::from(ALLOWED)
}

/// A denied proposal in words.
struct Denied {
    flag: WasmFeatures,
    name: &'static str,
    advice: &'static str,
    /// Proposals that it builds on, not worth a word of their own beside it.
    covers: WasmFeatures,
}

const NONE: WasmFeatures = WasmFeatures::empty();
const REFERENCES: WasmFeatures = WasmFeatures::FUNCTION_REFERENCES.union(WasmFeatures::GC_TYPES);

/// Every denied proposal that a core module can use.
const DENIED: [Denied; 15] = [
    denied(
        WasmFeatures::THREADS,
        "threads (shared memory or atomic instructions)",
        "build for wasm32-wasip1 instead of wasm32-wasip1-threads, and without -pthread or +atomics",
        NONE,
    ),
    denied(
        WasmFeatures::SHARED_EVERYTHING_THREADS,
        "shared-everything threads",
        "build for wasm32-wasip1 without threads",
        WasmFeatures::THREADS,
    ),
    denied(
        WasmFeatures::RELAXED_SIMD,
        "relaxed SIMD",
        "its answers depend on the processor; build without +relaxed-simd or -mrelaxed-simd (plain SIMD is fine)",
        NONE,
    ),
    denied(
        WasmFeatures::EXCEPTIONS,
        "exception handling",
        "build with panic=abort, or C++ without -fwasm-exceptions",
        NONE,
    ),
    denied(
        WasmFeatures::LEGACY_EXCEPTIONS,
        "legacy exception handling",
        "build with panic=abort, or C++ without -fwasm-exceptions",
        WasmFeatures::EXCEPTIONS,
    ),
    denied(
        WasmFeatures::STACK_SWITCHING,
        "stack switching",
        "build without it; no other stacks can be accounted for",
        REFERENCES.union(WasmFeatures::EXCEPTIONS).union(WasmFeatures::GC),
    ),
    denied(
        WasmFeatures::GC,
        "garbage collection (structs, arrays and their types)",
        "compile to plain linear memory; Kotlin, Dart and Java through this proposal cannot run here",
        REFERENCES,
    ),
    denied(
        WasmFeatures::CUSTOM_DESCRIPTORS,
        "custom descriptors",
        "compile to plain linear memory",
        REFERENCES.union(WasmFeatures::GC),
    ),
    denied(
        WasmFeatures::FUNCTION_REFERENCES,
        "typed function references",
        "build without +function-references; call_indirect through a table of funcref is fine",
        WasmFeatures::GC_TYPES,
    ),
    denied(
        WasmFeatures::GC_TYPES,
        "externref or another type of the collector",
        "no host object can be handed to a job; build without wasm-bindgen's reference types",
        NONE,
    ),
    denied(WasmFeatures::MEMORY64, "memory64", "build for wasm32, not wasm64; a job's memory is at most 4 GiB", NONE),
    denied(WasmFeatures::MEMORY_CONTROL, "memory control", "build without it", NONE),
    denied(WasmFeatures::CUSTOM_PAGE_SIZES, "custom page sizes", "build with the usual pages of 64 KiB", NONE),
    denied(WasmFeatures::WIDE_ARITHMETIC, "wide arithmetic", "build without +wide-arithmetic", NONE),
    denied(
        WasmFeatures::COMPACT_IMPORTS,
        "the compact import section",
        "write the imports in the usual encoding",
        NONE,
    ),
];

const fn denied(flag: WasmFeatures, name: &'static str, advice: &'static str, covers: WasmFeatures) -> Denied {
    Denied { flag, name, advice, covers }
}

/// Validates the module in the language of jobs. On failure, finds out whether a proposal is to blame and which.
pub(super) fn validate(wasm: &[u8]) -> Result<Types, Refusal> {
    let error = match validate_with(wasm, features()) {
        Ok(types) => return Ok(types),
        Err(error) => error,
    };
    if wasm.len() > DIAGNOSE_MAX_BYTES {
        return Err(invalid(&error));
    }
    let everything = DENIED.iter().fold(features(), |all, denied| all.union(denied.flag));
    if let Err(error) = validate_with(wasm, everything) {
        return Err(invalid(&error));
    }
    let used: Vec<&Denied> =
        DENIED.iter().filter(|denied| validate_with(wasm, everything.difference(denied.flag)).is_err()).collect();
    Err(if used.is_empty() { invalid(&error) } else { refuse(&used) })
}

fn validate_with(wasm: &[u8], features: WasmFeatures) -> Result<Types, Error> {
    Validator::new_with_features(features).validate_all(wasm)
}

fn refuse(used: &[&Denied]) -> Refusal {
    let covered = used.iter().fold(NONE, |all, denied| all.union(denied.covers));
    let named: Vec<String> = used
        .iter()
        .filter(|denied| !covered.contains(denied.flag))
        .map(|denied| format!("{}: {}", denied.name, denied.advice))
        .collect();
    Refusal::new(
        RefusalKind::Proposal,
        format!("the module uses what jobs do not have. It uses {}", named.join("; and ")),
    )
}

/// A module that no set of proposals makes valid.
pub(crate) fn invalid(error: &Error) -> Refusal {
    let what = error.message();
    let offset = error.offset();
    if what.contains("unexpected end") {
        return Refusal::new(
            RefusalKind::NotAModule,
            format!("the module ends in the middle, at byte {offset} ({what}): fetch or copy it again"),
        );
    }
    Refusal::new(
        RefusalKind::Invalid,
        format!(
            "not a valid WebAssembly module: {what} (at byte {offset}): build it again, or report it to its compiler"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The flags of the component model, which are denied by the format and not one by one.
    fn of_components() -> WasmFeatures {
        WasmFeatures::all()
            .iter_names()
            .filter(|(name, _)| name.starts_with("CM") || *name == "COMPONENT_MODEL")
            .fold(NONE, |all, (_, flag)| all.union(flag))
    }

    #[test]
    fn every_proposal_is_allowed_or_has_words_for_its_refusal() {
        let denied = DENIED.iter().fold(NONE, |all, denied| all.union(denied.flag));
        assert_eq!(features().union(denied).union(of_components()), WasmFeatures::all());
        assert_eq!(features().intersection(denied), NONE);
        assert_eq!(features().intersection(of_components()), NONE);
    }
}
