//! Listing a directory: `.`, `..`, then the names in byte order.

use std::sync::Arc;

use bacalhau_tree::Kind;

use super::layout::{self, DIRENT_BYTES};
use super::{Answer, Guest};
use crate::vfs::Listing;
use crate::vfs::errno::Errno;
use crate::wasi::rights::Rights;

/// Fills the buffer with entries from the `cookie`-th on; the last one may be truncated, and is requested again.
///
/// A listing is taken at its start, so that removals during iteration skip no entries.
pub(super) fn readdir(guest: &mut Guest<'_>, fd: u32, buf: u32, length: u32, cookie: u64, used: u32) -> Answer<()> {
    guest.memory.bytes(buf, length)?;
    let listing = listing(guest, fd, cookie == 0)?;
    let mut written = 0;
    let from = usize::try_from(cookie).unwrap_or(usize::MAX).min(listing.len());
    let buffer = guest.memory.bytes_mut(buf, length)?;
    for (next, (name, inode, kind)) in (from as u64 + 1..).zip(listing.from(from)) {
        let rest = &mut buffer[written..];
        if rest.is_empty() {
            break;
        }
        let head = layout::dirent(name, inode, kind, next);
        let name = name.as_bytes();
        let head_fits = DIRENT_BYTES.min(rest.len());
        rest[..head_fits].copy_from_slice(&head[..head_fits]);
        let name_fits = name.len().min(rest.len() - head_fits);
        rest[head_fits..head_fits + name_fits].copy_from_slice(&name[..name_fits]);
        written += head_fits + name_fits;
    }
    guest.moved += written as u64;
    // No more was written than the buffer's length, a `u32`.
    Ok(guest.memory.write_u32(used, u32::try_from(written).unwrap_or(length))?)
}

/// The listing that the descriptor has, or a new one.
fn listing(guest: &mut Guest<'_>, fd: u32, afresh: bool) -> Answer<Arc<Listing>> {
    let descriptor = guest.world.descriptors.get(fd)?;
    descriptor.require(Rights::FD_READDIR)?;
    if guest.world.vfs.kind(descriptor.node) != Kind::Dir || descriptor.stream.is_some() {
        return Err(Errno::Notdir.into());
    }
    if let (Some(known), false) = (&descriptor.listing, afresh) {
        return Ok(Arc::clone(known));
    }
    let listing = guest.world.vfs.list(descriptor.node)?;
    // Taking it costs as much as returning it once, also when it is shared.
    guest.moved += listing.len() as u64 * DIRENT_BYTES as u64;
    let before = guest.world.descriptors.get_mut(fd)?.listing.replace(Arc::clone(&listing));
    if let Some(before) = before {
        guest.world.vfs.unlist(before);
    }
    Ok(listing)
}
