//! Global state of a module with one thread.
#![allow(unsafe_code, reason = "modules have one thread")]

use core::cell::Cell;

/// A global variable.
pub(crate) struct Global<T>(Cell<T>);

unsafe impl<T> Sync for Global<T> {}

impl<T: Copy> Global<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Cell::new(value))
    }

    pub(crate) fn get(&self) -> T {
        self.0.get()
    }

    pub(crate) fn set(&self, value: T) {
        self.0.set(value);
    }
}

/// Bytes at a fixed address.
#[repr(align(8))]
pub(crate) struct Scratch<const BYTES: usize>(Cell<[u8; BYTES]>);

unsafe impl<const BYTES: usize> Sync for Scratch<BYTES> {}

impl<const BYTES: usize> Scratch<BYTES> {
    pub(crate) const fn new() -> Self {
        Self(Cell::new([0; BYTES]))
    }

    pub(crate) fn address(&self) -> u32 {
        self.0.as_ptr() as u32
    }
}
