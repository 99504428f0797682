//! The C interface of `bacalhau-runtime`: `include/bacalhau_runtime.h` is written from this crate, and states the rules.
//!
//! | module | holds |
//! |---|---|
//! | `status` | status codes and errors |
//! | `data` | views, owned bytes and handles across the border |
//! | `runtime`, `module`, `run` | a pool of runs, programs, and one run |
//! | `inputs`, `callbacks`, `threads` | inputs; trees behind C functions, and the threads that call these |
//! | `job`, `receipt`, `hash` | plain data and hashes, without a runtime |
//!
//! Unsafe code is only what the C interface needs: reading arguments, and giving handles away and taking them back.
#![allow(unsafe_code, reason = "a C interface: each function trusts its caller about pointers, as the header states")]
#![allow(clippy::doc_markdown, reason = "the documentation becomes that of the C header")]
#![allow(clippy::missing_safety_doc, reason = "the rules are those of the header, the same for all functions")]
#![allow(clippy::not_unsafe_ptr_arg_deref, reason = "all of these functions are unsafe")]

pub mod callbacks;
pub mod data;
pub mod hash;
pub mod inputs;
pub mod job;
pub mod module;
pub mod receipt;
pub mod run;
pub mod runtime;
pub mod status;
mod threads;

use data::View;

/// Version of this interface: the major number in the upper 16 bits, the minor one in the lower. Compare it with
/// bh_abi_version(): the major numbers have to be equal, and that of the library must not have a smaller minor one.
pub const BH_ABI_VERSION: u32 = 1 << 16;

/// The version of the interface that the library has.
#[unsafe(no_mangle)]
pub extern "C" fn bh_abi_version() -> u32 {
    BH_ABI_VERSION
}

/// Name and version of the library and its engine. Static text.
#[unsafe(no_mangle)]
pub extern "C" fn bh_version() -> View {
    View::of(concat!("bacalhau-runtime ", env!("CARGO_PKG_VERSION"), ", wasmtime 48").as_bytes())
}
