//! Memory of one call: its arguments, and its results until the next call.

use crate::cells::{Global, Scratch};
use crate::memory::{copy, end, grow, trap};

/// The first segment, which is there at the start: growing has a price.
static FIRST: Scratch<65_536> = Scratch::new();

/// The segment in use: its address, how much of it is used, its size.
static SEGMENT: Global<(u32, u32, u32)> = Global::new((0, 0, 0));

/// Forgets what was allocated for the call before.
#[unsafe(export_name = "arena#reset")]
extern "C" fn reset() {
    let (address, _, size) = SEGMENT.get();
    SEGMENT.set((address, 0, size));
}

/// The allocator of the canonical ABI. Memory is not given back before [`reset`].
#[unsafe(export_name = "arena#realloc")]
extern "C" fn realloc(old: u32, old_bytes: u32, align: u32, bytes: u32) -> u32 {
    if old_bytes >= bytes && old != 0 {
        return old;
    }
    let new = allocate(align, bytes);
    if old != 0 {
        copy(old, new, old_bytes);
    }
    new
}

/// Memory of so many bytes. Traps when there is none.
pub(crate) fn allocate(align: u32, bytes: u32) -> u32 {
    if SEGMENT.get().2 == 0 {
        SEGMENT.set((FIRST.address(), 0, 65_536));
    }
    let (address, used, size) = SEGMENT.get();
    let from = used.next_multiple_of(align);
    match from.checked_add(bytes) {
        Some(to) if to <= size => {
            SEGMENT.set((address, to, size));
            address + from
        }
        _ => {
            extend(bytes);
            allocate(align, bytes)
        }
    }
}

/// Makes the segment larger, where memory ends behind it, or begins another one, at least as large. What lies in the one
/// before stays valid until the call ends, and its memory is not used again.
fn extend(bytes: u32) {
    let (address, used, size) = SEGMENT.get();
    let Some(more) = bytes.checked_add(8).map(|bytes| bytes.max(size).max(65_536)) else { trap() };
    let pages = more.div_ceil(65_536);
    let Some(more) = pages.checked_mul(65_536) else { trap() };
    let adjoins = u64::from(address) + u64::from(size) == end();
    let new = if adjoins {
        // Only what is missing.
        let missing = (u64::from(used) + u64::from(bytes) + 8).saturating_sub(u64::from(size));
        let Some(missing) = u32::try_from(missing).ok().map(|missing| missing.max(65_536).next_multiple_of(65_536))
        else {
            trap()
        };
        grow(missing);
        (address, used, size + missing)
    } else {
        (grow(more), 0, more)
    };
    SEGMENT.set(new);
}
