//! This module's linear memory, by address.
#![allow(unsafe_code, reason = "addresses are this module's interface; the memory has no other owner")]

/// Bytes of a page of linear memory.
const PAGE: u32 = 65_536;

/// Ends the run as a trap.
pub(crate) fn trap() -> ! {
    core::arch::wasm32::unreachable()
}

pub(crate) fn load8(address: u32) -> u8 {
    unsafe { (address as *const u8).read() }
}

pub(crate) fn load32(address: u32) -> u32 {
    unsafe { (address as *const u32).read_unaligned() }
}

pub(crate) fn load64(address: u32) -> u64 {
    unsafe { (address as *const u64).read_unaligned() }
}

pub(crate) fn store8(address: u32, value: u8) {
    unsafe { (address as *mut u8).write(value) }
}

pub(crate) fn store32(address: u32, value: u32) {
    unsafe { (address as *mut u32).write_unaligned(value) }
}

pub(crate) fn store64(address: u32, value: u64) {
    unsafe { (address as *mut u64).write_unaligned(value) }
}

pub(crate) fn copy(from: u32, to: u32, bytes: u32) {
    unsafe { core::ptr::copy(from as *const u8, to as *mut u8, bytes as usize) }
}

pub(crate) fn fill_zero(address: u32, bytes: u32) {
    unsafe { core::ptr::write_bytes(address as *mut u8, 0, bytes as usize) }
}

/// The end of the memory.
pub(crate) fn end() -> u64 {
    core::arch::wasm32::memory_size::<0>() as u64 * u64::from(PAGE)
}

/// Adds pages for at least this many bytes and returns the address of the first. Traps when there are none left.
pub(crate) fn grow(bytes: u32) -> u32 {
    let pages = bytes.div_ceil(PAGE);
    let before = core::arch::wasm32::memory_grow::<0>(pages as usize);
    match u32::try_from(before).ok().and_then(|pages| pages.checked_mul(PAGE)) {
        Some(address) if before != usize::MAX => address,
        _ => trap(),
    }
}
