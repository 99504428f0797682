//! The allowed WebAssembly proposals, each with the reason.
//!
//! The list is a struct literal without a rest, so a wasmparser with a new proposal does not compile until it is
//! decided here. An allowed proposal must be deterministic on every processor, be metered, and be supported by the
//! instrumentation. Each profile has the list of the one before it and some more.

use wasmparser::{Error, WasmFeatures, WasmFeaturesInflated};

use super::refusal::{Refusal, RefusalKind};

/// The language of profile V1.
const V1: WasmFeaturesInflated = WasmFeaturesInflated {
    // Compilers emit these by default. Integers and memory only, or exactly specified.
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

    // The result depends on the processor by design, unless the pass decides it: in V2.
    relaxed_simd: false,
    // Atomic operators need their own prices, and a shared memory the pass that makes it the memory of one thread: in V2.
    threads: false,
    // Order of execution is the host's.
    shared_everything_threads: false,
    // Unwinding passes the stack accounting of functions, which V2 restores at the handler.
    exceptions: false,
    // The same in an encoding that the standard does not have.
    legacy_exceptions: false,
    // Switches stacks without the stack accounting.
    stack_switching: false,
    // How much memory objects take, and when they are freed, depends on the engine.
    gc: false,
    // externref (the only other type without `gc`) and references with the type of their function: in V2.
    gc_types: false,
    function_references: false,
    custom_descriptors: false,
    // Operands of 64 bits are charged in another way. Memories of V2 are no larger for it.
    memory64: false,
    // Protection and pages of other sizes: not finished, and the host's page size would show.
    memory_control: false,
    custom_page_sizes: false,
    // Not final when V1 was frozen. V2 has the encoding that a test of the pass names, whatever becomes of it.
    wide_arithmetic: false,
    // Not final: the encoding may change, and the same bytes would then have another meaning.
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

/// The language of profile V2.
const V2: WasmFeaturesInflated = WasmFeaturesInflated {
    exceptions: true,
    function_references: true,
    gc_types: true,
    memory64: true,
    relaxed_simd: true,
    threads: true,
    wide_arithmetic: true,
    ..V1
};

/// What the pass takes out of a module, so that no engine has to have it.
const REPLACED: WasmFeatures = WasmFeatures::RELAXED_SIMD;

/// The WebAssembly features of jobs with the newest profile.
pub(crate) fn features() -> WasmFeatures {
    WasmFeatures::from(V2)
}

/// Those of instrumented modules, for engines.
pub(crate) fn features_of_engines() -> WasmFeatures {
    features().difference(REPLACED)
}

/// Those of jobs with profile V1.
pub(crate) fn features_of_v1() -> WasmFeatures {
    WasmFeatures::from(V1)
}

/// A denied proposal in words.
struct Denied {
    flag: WasmFeatures,
    name: &'static str,
    advice: &'static str,
    /// Proposals that it builds on, not worth a word of their own beside it.
    covers: WasmFeatures,
}

/// The encoding that is allowed, and how to get it.
const LEGACY_EXCEPTIONS_ADVICE: &str = "build with the standard's encoding: clang with -mllvm -wasm-use-legacy-eh=false (for \
     -fwasm-exceptions, and for setjmp with -mllvm -wasm-enable-sjlj), or rewrite the module with \
     wasm-opt --translate-to-exnref";

const NONE: WasmFeatures = WasmFeatures::empty();

/// Every denied proposal that a core module can use.
const DENIED: [Denied; 8] = [
    denied(
        WasmFeatures::SHARED_EVERYTHING_THREADS,
        "shared-everything threads",
        "build for wasm32-wasip1 without threads",
        NONE,
    ),
    denied(WasmFeatures::LEGACY_EXCEPTIONS, "legacy exception handling", LEGACY_EXCEPTIONS_ADVICE, NONE),
    denied(
        WasmFeatures::STACK_SWITCHING,
        "stack switching",
        "build without it; no other stacks can be accounted for",
        WasmFeatures::GC,
    ),
    denied(
        WasmFeatures::GC,
        "garbage collection (structs, arrays and their types)",
        "compile to plain linear memory; Kotlin, Dart and Java through this proposal cannot run here",
        NONE,
    ),
    denied(WasmFeatures::CUSTOM_DESCRIPTORS, "custom descriptors", "compile to plain linear memory", WasmFeatures::GC),
    denied(WasmFeatures::MEMORY_CONTROL, "memory control", "build without it", NONE),
    denied(WasmFeatures::CUSTOM_PAGE_SIZES, "custom page sizes", "build with the usual pages of 64 KiB", NONE),
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

/// Every proposal that has words for its refusal.
pub(super) fn denied_features() -> WasmFeatures {
    DENIED.iter().fold(NONE, |all, denied| all.union(denied.flag))
}

/// The refusal of a module that is valid with the denied proposals `used`.
pub(super) fn refuse(used: WasmFeatures) -> Refusal {
    let used = || DENIED.iter().filter(|denied| used.contains(denied.flag));
    let covered = used().fold(NONE, |all, denied| all.union(denied.covers));
    let named: Vec<String> = used()
        .filter(|denied| !covered.contains(denied.flag))
        .map(|denied| format!("{}: {}", denied.name, denied.advice))
        .collect();
    Refusal::new(
        RefusalKind::Proposal,
        format!("the module uses unsupported WebAssembly features: {}", named.join("; and ")),
    )
}

/// A module that no set of proposals makes valid.
pub(crate) fn invalid(error: &Error) -> Refusal {
    let what = error.message();
    let offset = error.offset();
    if what.contains("unexpected end") {
        return Refusal::new(
            RefusalKind::NotAModule,
            format!("the module is truncated at byte {offset} ({what}): fetch or copy it again"),
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
        let denied = denied_features();
        assert_eq!(features().union(denied).union(of_components()), WasmFeatures::all());
        assert_eq!(features().intersection(denied), NONE);
        assert_eq!(features().intersection(of_components()), NONE);
    }
}
