//! A compiled program.

use serde_json::json;

use crate::data::{Bytes, View, clear, clear_bytes, free, give, give_bytes, handle};
use crate::runtime::Runtime;
use crate::status::{Error, guard};

/// A validated and compiled program. Any number of runs share it.
#[derive(Debug)]
pub struct Module(pub(crate) bacalhau_runtime::Module);

/// Validates and compiles a WebAssembly module, binary or text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_module_load(
    runtime: *const Runtime,
    wasm: View,
    out: *mut *mut Module,
    err: *mut *mut Error,
) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        unsafe {
            clear(out);
            let runtime = handle(runtime, "runtime")?;
            give(out, Module(runtime.runtime.load(wasm.bytes("wasm")?)?));
        }
        Ok(())
    })
}

/// Describes a module as JSON: `cid`, `profile` (name of the oldest that has its language), `backend`, `from_cache` and
/// `entry_points`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_module_describe(module: *const Module, json: *mut Bytes, err: *mut *mut Error) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        let Module(module) = unsafe {
            clear_bytes(json);
            handle(module, "module")?
        };
        let text = json!({
            "cid": module.cid().to_string(),
            "profile": module.profile().name,
            "backend": module.backend().name(),
            "from_cache": module.is_from_cache(),
            "entry_points": module.entry_points(),
        });
        // SAFETY: by the rules of the header.
        unsafe { give_bytes(json, text.to_string()) };
        Ok(())
    })
}

/// Frees a module. Runs of it go on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_module_free(module: *mut Module) {
    // SAFETY: by the rules of the header.
    unsafe { free(module) }
}
