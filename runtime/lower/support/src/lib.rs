//! WASI 0.2 in terms of preview 1, and the handle tables of component instances.
//!
//! `bacalhau-lower` links this module into each component that it lowers. Exports with a `#` are functions of WASI, with
//! the core types that the canonical ABI gives to the side that is called; `handles#…` and `arena#…` are for the code that
//! calls them. Arguments and results that are not flat lie in this module's own memory. Handles of WASI's resources are
//! indices into [`objects`].
//!
//! All state is a function of the calls: handles are given in order, and nothing is freed but by its owner.
#![no_std]

mod answer;
mod arena;
mod cells;
mod cli;
mod clocks;
mod descriptors;
mod directories;
mod errors;
mod handles;
mod memory;
mod objects;
mod paths;
mod poll;
mod preview1;
mod random;
mod sockets;
mod store;
mod streams;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    memory::trap()
}
