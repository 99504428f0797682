//! A compiled program.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use bacalhau_runtime::{HostFailure, Limits};
use serde_json::json;

use crate::data::{Bytes, View, clear, clear_bytes, duplicate, free, give, give_bytes, handle};
use crate::runtime::Runtime;
use crate::status::{BH_REFUSED, Error, guard};

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

/// Validates and compiles the module in the file that is open as `fd`, from its beginning. The descriptor stays open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_module_load_fd(
    runtime: *const Runtime,
    fd: i32,
    out: *mut *mut Module,
    err: *mut *mut Error,
) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        let runtime = unsafe {
            clear(out);
            handle(runtime, "runtime")?
        };
        let wasm = read_whole(&duplicate(fd)?, fd)?;
        // SAFETY: by the rules of the header.
        unsafe { give(out, Module(runtime.runtime.load(&wasm)?)) };
        Ok(())
    })
}

/// All bytes of a file, which has to be a possible module.
fn read_whole(file: &File, fd: i32) -> Result<Vec<u8>, Error> {
    let failed = |error| HostFailure::io(format!("read the descriptor {fd}"), error);
    let most = Limits::default().module_bytes;
    let found = file.metadata().map_err(failed)?;
    if !found.is_file() {
        return Err(Error::misuse(format!("the descriptor {fd} is not of a regular file: load its bytes instead")));
    }
    let size = found.len();
    if size > most {
        return Err(Error::new(BH_REFUSED, format!("the module has {size} bytes; at most {most} are loaded")));
    }
    let mut wasm = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut wasm, 0).map_err(failed)?;
    Ok(wasm)
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
