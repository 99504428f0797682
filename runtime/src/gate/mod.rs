//! Validation of modules before compilation.
//!
//! Three allow-lists: the module is a core WebAssembly module in the language of the profile (`proposals`), it imports
//! only WASI preview 1 and what comes with a shared memory (`imports`), and its entry point can be called ([`check_entry`]). Numeric bounds: its
//! compilation does not cost far more than its size suggests (`bounds`). Every rejection names the item and what to do.
//! Validation is a function of the bytes, so every machine rejects the same modules.
//!
//! It compiles and runs nothing, and of a job's limits it knows only the module size.

mod bounds;
mod describe;
mod entry;
mod imports;
mod inspection;
mod origin;
pub(crate) mod proposals;
mod refusal;
pub(crate) mod second;
mod sniff;
mod validation;
pub(crate) mod wasi;

pub use bounds::{Bound, Excess, Measured, measure};
pub use entry::check_entry;

pub(crate) use entry::refuse_entry;
pub use inspection::{Export, Import, Inspection, Memory, Table};
pub(crate) use refusal::quote;
pub use refusal::{Refusal, RefusalKind};
pub use second::profile_of;
pub(crate) use sniff::code_bytes;
pub use sniff::to_binary;

/// Names that our own instrumentation exports. A module that brings one could pretend to have been instrumented.
pub(crate) const RESERVED_PREFIX: &str = "__bacalhau";

/// Functions that take no address, so a module with only these needs no memory.
const NEED_NO_MEMORY: [&str; 4] = ["proc_exit", "proc_raise", "sched_yield", "thread-spawn"];

/// Describes a module without judging its imports and exports, to explain a rejection.
///
/// # Errors
/// When it is too large, not a core module, over a [`Bound`], invalid, or in an unsupported language.
pub fn describe(wasm: &[u8], max_bytes: u64) -> Result<Inspection, Refusal> {
    check_size(wasm, max_bytes)?;
    sniff::require_module(wasm)?;
    bounds::check(wasm).map_err(too_costly)?;
    let (types, profile) = validation::validate(wasm)?;
    describe::describe(wasm, types.as_ref(), profile).map_err(|error| proposals::invalid(&error))
}

/// Validates a binary module for a job. [`check_entry`] checks its entry point.
///
/// `max_bytes` bounds the binary. [`to_binary`] converts text before.
///
/// # Errors
/// Those of [`describe`]; imports that are not functions of WASI preview 1 with their exact types, all of them listed, but
/// for those of wasi-threads; WASI without an exported memory; names that are reserved for instrumentation.
pub fn inspect(wasm: &[u8], max_bytes: u64) -> Result<Inspection, Refusal> {
    let inspection = describe(wasm, max_bytes)?;
    check_reserved(&inspection)?;
    imports::check(&inspection.imports)?;
    check_memory(&inspection)?;
    Ok(inspection)
}

fn too_costly(excess: Excess) -> Refusal {
    Refusal::new(
        RefusalKind::Bound(excess),
        format!(
            "the module would cost too much to compile ({excess}): split the large part, or build it with another \
             compiler or other options"
        ),
    )
}

fn check_size(bytes: &[u8], max_bytes: u64) -> Result<(), Refusal> {
    let size = bytes.len() as u64;
    if size <= max_bytes {
        return Ok(());
    }
    Err(Refusal::new(
        RefusalKind::TooLarge,
        format!(
            "the module has {size} bytes and the job's limit module_bytes is {max_bytes}: \
             raise it with --module-size, or strip the module (debug information is often most of it)"
        ),
    ))
}

fn check_reserved(inspection: &Inspection) -> Result<(), Refusal> {
    let Some(export) = inspection.exports.iter().find(|export| export.name.starts_with(RESERVED_PREFIX)) else {
        return Ok(());
    };
    let name = quote(&export.name);
    Err(Refusal::new(
        RefusalKind::Export,
        format!(
            "the module exports {name}; names that begin with {RESERVED_PREFIX} are reserved for the runtime: \
             rename it, or give the module as it was before it was instrumented"
        ),
    ))
}

fn check_memory(inspection: &Inspection) -> Result<(), Refusal> {
    // The pass defines and exports the memory that is imported.
    let is_imported = inspection.imports.iter().any(Import::is_memory);
    let takes_address = |import: &&Import| !import.is_memory() && !NEED_NO_MEMORY.contains(&import.name.as_str());
    let Some(import) = inspection.imports.iter().find(takes_address) else { return Ok(()) };
    match inspection.exports.iter().find(|export| export.name == "memory") {
        Some(export) if export.ty.starts_with("memory i64 ") => Err(Refusal::new(
            RefusalKind::Export,
            format!(
                "the module imports WASI's {} and exports \"memory\" with 64-bit addresses; those of WASI preview 1 have \
                 32 bits: build for wasm32, or export a 32-bit memory as \"memory\" beside it",
                import.name
            ),
        )),
        Some(export) if export.ty.starts_with("memory ") => Ok(()),
        Some(export) => Err(Refusal::new(
            RefusalKind::Export,
            format!(
                "the module exports \"memory\" as {}; WASI needs a memory under that name: rename the other",
                export.ty
            ),
        )),
        None if is_imported => Ok(()),
        None => Err(Refusal::new(
            RefusalKind::Export,
            format!(
                "the module imports WASI's {} but exports no memory named \"memory\", so its arguments could not be \
                 read: link it with --export-memory, or in text write (memory (export \"memory\") 1)",
                import.name
            ),
        )),
    }
}

#[cfg(test)]
mod tests;
