//! Listing a directory: `.`, `..`, then the names in byte order.

use super::layout::{self, DIRENT_BYTES};
use super::{Answer, Guest};
use crate::input::Kind;
use crate::vfs::errno::Errno;
use crate::wasi::descriptors::Listed;
use crate::wasi::rights::Rights;

/// Fills the buffer with entries from the `cookie`-th on; the last one may be cut off, and is asked for again.
///
/// A listing is taken as a whole at its beginning, so that removing entries on the way skips none.
pub(super) fn readdir(guest: &mut Guest<'_>, fd: u32, buf: u32, length: u32, cookie: u64, used: u32) -> Answer<()> {
    guest.memory.bytes(buf, length)?;
    let listing = listing(guest, fd, cookie == 0)?;
    let mut written = 0;
    let from = usize::try_from(cookie).unwrap_or(usize::MAX).min(listing.len());
    let buffer = guest.memory.bytes_mut(buf, length)?;
    for (next, entry) in (from as u64 + 1..).zip(&listing[from..]) {
        let rest = &mut buffer[written..];
        if rest.is_empty() {
            break;
        }
        let head = layout::dirent(entry, next);
        let name = entry.0.as_bytes();
        let head_fits = DIRENT_BYTES.min(rest.len());
        rest[..head_fits].copy_from_slice(&head[..head_fits]);
        let name_fits = name.len().min(rest.len() - head_fits);
        rest[head_fits..head_fits + name_fits].copy_from_slice(&name[..name_fits]);
        written += head_fits + name_fits;
    }
    guest.world.descriptors.get_mut(fd)?.listing = Some(listing);
    guest.moved += written as u64;
    // No more was written than the buffer's length, a `u32`.
    Ok(guest.memory.write_u32(used, u32::try_from(written).unwrap_or(length))?)
}

/// Takes the listing out of the descriptor, or takes a new one.
fn listing(guest: &mut Guest<'_>, fd: u32, afresh: bool) -> Answer<Vec<Listed>> {
    let descriptor = guest.world.descriptors.get_mut(fd)?;
    descriptor.require(Rights::FD_READDIR)?;
    let (node, known) = (descriptor.node, descriptor.listing.take());
    if guest.world.vfs.kind(node) != Kind::Dir || guest.world.descriptors.get(fd)?.stream.is_some() {
        return Err(Errno::Notdir.into());
    }
    if let (Some(known), false) = (known, afresh) {
        return Ok(known);
    }
    let entries = guest.world.vfs.list(node)?;
    // Taking it costs as much as handing it over once.
    guest.moved += entries.len() as u64 * DIRENT_BYTES as u64;
    Ok(entries.into_iter().map(|(name, id, kind)| (name, id.inode(), layout::filetype(kind))).collect())
}
