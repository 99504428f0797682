//! Lowers a WebAssembly component to one core module that imports WASI preview 1 only.
//!
//! A component of the world `wasi:cli/command` 0.2 is instantiated on paper: its core modules become one, calls between
//! them become calls inside of it, and the functions of WASI 0.2 that it imports become those of a support module, which
//! is written in terms of preview 1 and is a part of the result. So whatever runs core modules runs components, and all that
//! the component model does between modules is code that is metered like any other.
//!
//! The result is a function of the component's bytes and of the version of this crate.
//!
//! What cannot be lowered is refused by name: functions and streams that are asynchronous (WASI 0.3), imports that are not of
//! WASI 0.2, and what exceeds a bound.

mod bounds;
mod bridge;
mod error;
mod graph;
mod instantiate;
mod merge;
mod module;
mod read;
mod types;
mod wasi;

use std::rc::Rc;

pub use error::LowerError;

use graph::{CoreFunc, CoreInstance, CoreItem};
use merge::{Numbers, Signatures};
use module::Module;

/// WASI 0.2 on preview 1, and the handle tables. `support/build.sh` builds it.
const SUPPORT: &[u8] = include_bytes!("../support.wasm");

/// Whether the bytes begin like a component. Nothing behind the header is examined.
pub fn is_component(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\0asm") && bytes.get(6..8) == Some(&[1, 0])
}

/// Lowers a component. `max_bytes` bounds the component and the module.
///
/// # Errors
/// When the component is not valid, needs something that jobs do not have, or exceeds a bound.
pub fn lower(component: &[u8], max_bytes: u64) -> Result<Vec<u8>, LowerError> {
    if component.len() as u64 > max_bytes {
        return Err(LowerError::too_large("bytes", component.len(), max_bytes));
    }
    let root = read::read(component)?;
    let support = Rc::new(Module::read(SUPPORT)?);
    let imports = (0..support.imported.functions()).map(|index| CoreItem::Func(CoreFunc::Preview1(index))).collect();
    let instantiated = instantiate::instantiate(&root, CoreInstance { module: support, imports }, max_bytes)?;
    let graph = &instantiated.graph;
    let numbers = Numbers::of(graph)?;
    let mut signatures = Signatures::default();
    let written = bridge::write(graph, &numbers, &mut signatures, &instantiated.run)?;
    let module = merge::merge(graph, &numbers, signatures, written)?;
    if module.len() as u64 > max_bytes {
        return Err(LowerError::too_large("bytes when it is lowered", module.len(), max_bytes));
    }
    Ok(module)
}
