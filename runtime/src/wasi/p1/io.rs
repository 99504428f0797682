//! Reading, writing and positions of files and standard streams.

use bacalhau_tree::Kind;

use super::memory::IOVEC_BYTES;
use super::{Answer, Guest};
use crate::vfs::NodeId;
use crate::vfs::errno::Errno;
use crate::wasi::World;
use crate::wasi::descriptors::{APPEND, Descriptor, Stream};
use crate::wasi::rights::Rights;

pub(super) fn read(guest: &mut Guest<'_>, fd: u32, iovs: u32, count: u32, read: u32) -> Answer<()> {
    let descriptor = guest.world.descriptors.get(fd)?;
    descriptor.opened_for(Rights::FD_READ)?;
    let (node, position) = (descriptor.node, descriptor.position);
    let length = scatter(guest, node, iovs, count, position)?;
    guest.world.descriptors.get_mut(fd)?.position += u64::from(length);
    Ok(guest.memory.write_u32(read, length)?)
}

pub(super) fn pread(guest: &mut Guest<'_>, fd: u32, iovs: u32, count: u32, offset: u64, read: u32) -> Answer<()> {
    let descriptor = seekable(guest.world, fd)?;
    descriptor.opened_for(Rights::FD_READ | Rights::FD_SEEK)?;
    let node = descriptor.node;
    let length = scatter(guest, node, iovs, count, offset)?;
    Ok(guest.memory.write_u32(read, length)?)
}

pub(super) fn write(guest: &mut Guest<'_>, fd: u32, iovs: u32, count: u32, written: u32) -> Answer<()> {
    let descriptor = guest.world.descriptors.get(fd)?;
    descriptor.opened_for(Rights::FD_WRITE)?;
    let (node, position) = (descriptor.node, descriptor.position);
    let length = if descriptor.stream == Some(Stream::Log) {
        gather(guest, iovs, count, |world, data, _| world.write_log(node, data))?
    } else {
        let start = if descriptor.flags & APPEND == 0 { position } else { guest.world.vfs.size(node)? };
        let length =
            gather(guest, iovs, count, |world, data, done| world.vfs.write(node, data, start.saturating_add(done)))?;
        guest.world.descriptors.get_mut(fd)?.position = start + u64::from(length);
        length
    };
    Ok(guest.memory.write_u32(written, length)?)
}

pub(super) fn pwrite(guest: &mut Guest<'_>, fd: u32, iovs: u32, count: u32, offset: u64, written: u32) -> Answer<()> {
    let descriptor = seekable(guest.world, fd)?;
    descriptor.opened_for(Rights::FD_WRITE | Rights::FD_SEEK)?;
    let node = descriptor.node;
    let length =
        gather(guest, iovs, count, |world, data, done| world.vfs.write(node, data, offset.saturating_add(done)))?;
    Ok(guest.memory.write_u32(written, length)?)
}

pub(super) fn seek(guest: &mut Guest<'_>, fd: u32, offset: i64, whence: u32, position: u32) -> Answer<()> {
    let descriptor = seekable(guest.world, fd)?;
    descriptor.require(if offset == 0 && whence == 1 { Rights::FD_TELL } else { Rights::FD_SEEK })?;
    let (node, current) = (descriptor.node, descriptor.position);
    let base = match whence {
        0 => 0,
        1 => current,
        2 => guest.world.vfs.size(node)?,
        _ => return Err(Errno::Inval.into()),
    };
    let target = base.checked_add_signed(offset).filter(|at| i64::try_from(*at).is_ok()).ok_or(Errno::Inval)?;
    guest.world.descriptors.get_mut(fd)?.position = target;
    Ok(guest.memory.write_u64(position, target)?)
}

pub(super) fn tell(guest: &mut Guest<'_>, fd: u32, position: u32) -> Answer<()> {
    let descriptor = seekable(guest.world, fd)?;
    descriptor.require(Rights::FD_TELL)?;
    let current = descriptor.position;
    Ok(guest.memory.write_u64(position, current)?)
}

/// Makes a file at least as long as the range, with zeros.
pub(super) fn allocate(guest: &mut Guest<'_>, fd: u32, offset: u64, length: u64) -> Answer<()> {
    let descriptor = seekable(guest.world, fd)?;
    descriptor.opened_for(Rights::FD_WRITE)?;
    descriptor.require(Rights::FD_ALLOCATE)?;
    let node = descriptor.node;
    if length == 0 {
        return Err(Errno::Inval.into());
    }
    let end = offset.checked_add(length).ok_or(Errno::Fbig)?;
    if end > guest.world.vfs.size(node)? {
        guest.world.vfs.resize(node, end)?;
    }
    Ok(())
}

pub(super) fn set_size(guest: &mut Guest<'_>, fd: u32, size: u64) -> Answer<()> {
    let descriptor = seekable(guest.world, fd)?;
    // POSIX answers EINVAL to a file that is not open for writing.
    if !descriptor.rights.contains(Rights::FD_WRITE) {
        return Err(Errno::Inval.into());
    }
    descriptor.require(Rights::FD_FILESTAT_SET_SIZE)?;
    let node = descriptor.node;
    guest.world.vfs.resize(node, size)
}

/// A descriptor of a file. A stream has no position, a directory no bytes.
fn seekable(world: &World, fd: u32) -> Answer<&Descriptor> {
    let descriptor = world.descriptors.get(fd)?;
    if descriptor.stream.is_some() {
        return Err(Errno::Spipe.into());
    }
    if world.vfs.kind(descriptor.node) == Kind::Dir {
        return Err(Errno::Isdir.into());
    }
    Ok(descriptor)
}

/// Reads into the guest's buffers until they are full or the file ends.
fn scatter(guest: &mut Guest<'_>, node: NodeId, iovs: u32, count: u32, mut offset: u64) -> Answer<u32> {
    let most = fitting(guest, iovs, count)?;
    let mut done = 0;
    for index in 0..count {
        let (at, length) = guest.memory.iovec(iovs, index)?;
        let length = length.min(most - done);
        let read = guest.world.vfs.read(node, guest.memory.bytes_mut(at, length)?, offset)?;
        offset += read as u64;
        // At most the requested `u32`.
        done += u32::try_from(read).unwrap_or(length);
        guest.moved += read as u64;
        if read < length as usize {
            break;
        }
    }
    Ok(done)
}

/// Hands on the guest's buffers one after the other, each with the number of bytes before it.
fn gather(
    guest: &mut Guest<'_>,
    iovs: u32,
    count: u32,
    mut write: impl FnMut(&mut World, &[u8], u64) -> Answer<()>,
) -> Answer<u32> {
    let most = fitting(guest, iovs, count)?;
    let mut done = 0;
    for index in 0..count {
        let (at, length) = guest.memory.iovec(iovs, index)?;
        let length = length.min(most - done);
        write(guest.world, guest.memory.bytes(at, length)?, u64::from(done))?;
        done += length;
        guest.moved += u64::from(length);
    }
    Ok(done)
}

/// Checks all buffers first, and returns the number of bytes that one call can report: at most 32 bits. An array of
/// many empty buffers moves nothing, but scanning it costs as much as moving it.
fn fitting(guest: &mut Guest<'_>, iovs: u32, count: u32) -> Result<u32, Errno> {
    let array = count.checked_mul(IOVEC_BYTES).ok_or(Errno::Fault)?;
    guest.memory.bytes(iovs, array)?;
    guest.moved += u64::from(array);
    let mut total = 0_u64;
    for index in 0..count {
        let (at, length) = guest.memory.iovec(iovs, index)?;
        guest.memory.bytes(at, length)?;
        total += u64::from(length);
    }
    Ok(u32::try_from(total).unwrap_or(u32::MAX))
}
