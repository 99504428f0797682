//! Operations on descriptors: flags, rights, closing and renumbering.

use bacalhau_tree::Kind;

use super::layout;
use super::{Answer, Guest};
use crate::vfs::errno::Errno;
use crate::wasi::World;
use crate::wasi::descriptors::Descriptor;
use crate::wasi::rights::Rights;

/// `fstflags`: which times are set, and from where.
const ATIM: u32 = 1;
const ATIM_NOW: u32 = 2;
const MTIM: u32 = 4;
const MTIM_NOW: u32 = 8;

/// All bits of `fdflags`.
const ALL_FDFLAGS: u16 = 0b1_1111;

/// Advice has no observable effect.
pub(super) fn advise(guest: &mut Guest<'_>, fd: u32, _offset: u64, _length: u64, advice: u32) -> Answer<()> {
    let descriptor = guest.world.descriptors.get(fd)?;
    descriptor.require(Rights::FD_ADVISE)?;
    if descriptor.stream.is_some() {
        return Err(Errno::Spipe.into());
    }
    if guest.world.vfs.kind(descriptor.node) == Kind::Dir {
        return Err(Errno::Badf.into());
    }
    if advice > 5 { Err(Errno::Inval.into()) } else { Ok(()) }
}

pub(super) fn close(guest: &mut Guest<'_>, fd: u32) -> Answer<()> {
    let closed = guest.world.descriptors.remove(fd)?;
    guest.world.closed(closed)
}

/// Returns at once: results are durable only after the run.
pub(super) fn sync(guest: &mut Guest<'_>, fd: u32) -> Answer<()> {
    guest.world.descriptors.get(fd)?.require(Rights::FD_SYNC)
}

pub(super) fn datasync(guest: &mut Guest<'_>, fd: u32) -> Answer<()> {
    guest.world.descriptors.get(fd)?.require(Rights::FD_DATASYNC)
}

pub(super) fn fdstat_get(guest: &mut Guest<'_>, fd: u32, stat: u32) -> Answer<()> {
    let descriptor = guest.world.descriptors.get(fd)?;
    let filetype = layout::descriptor_filetype(descriptor, guest.world.vfs.kind(descriptor.node));
    Ok(guest.memory.write(stat, &layout::fdstat(descriptor, filetype))?)
}

pub(super) fn fdstat_set_flags(guest: &mut Guest<'_>, fd: u32, flags: u32) -> Answer<()> {
    let flags = u16::try_from(flags).ok().filter(|flags| flags & !ALL_FDFLAGS == 0).ok_or(Errno::Inval)?;
    let descriptor = guest.world.descriptors.get_mut(fd)?;
    descriptor.require(Rights::FD_FDSTAT_SET_FLAGS)?;
    descriptor.flags = flags;
    Ok(())
}

/// Rights can only be dropped.
pub(super) fn fdstat_set_rights(guest: &mut Guest<'_>, fd: u32, base: u64, inheriting: u64) -> Answer<()> {
    let (base, inheriting) = (Rights(base), Rights(inheriting));
    let descriptor = guest.world.descriptors.get_mut(fd)?;
    let has = descriptor.rights & !descriptor.given_up;
    if !has.contains(base) || !descriptor.inheriting.contains(inheriting) {
        return Err(Errno::Notcapable.into());
    }
    descriptor.given_up = descriptor.given_up | (has & !base);
    descriptor.inheriting = inheriting;
    Ok(())
}

pub(super) fn filestat_get(guest: &mut Guest<'_>, fd: u32, stat: u32) -> Answer<()> {
    let descriptor = guest.world.descriptors.get(fd)?;
    descriptor.require(Rights::FD_FILESTAT_GET)?;
    let found = guest.world.vfs.stat(descriptor.node)?;
    let filetype = layout::descriptor_filetype(descriptor, found.kind);
    Ok(guest.memory.write(stat, &layout::filestat(&found, filetype))?)
}

pub(super) fn filestat_set_times(
    guest: &mut Guest<'_>,
    fd: u32,
    accessed: u64,
    modified: u64,
    flags: u32,
) -> Answer<()> {
    let descriptor = guest.world.descriptors.get(fd)?;
    descriptor.require(Rights::FD_FILESTAT_SET_TIMES)?;
    let node = descriptor.node;
    let (accessed, modified) = times(guest, accessed, modified, flags)?;
    guest.world.vfs.set_times(node, accessed, modified)
}

/// The times that `flags` ask to be set.
pub(super) fn times(
    guest: &Guest<'_>,
    accessed: u64,
    modified: u64,
    flags: u32,
) -> Result<(Option<u64>, Option<u64>), Errno> {
    let now = guest.world.vfs.clock.now();
    let pick = |given: u64, set: bool, set_now: bool| match (set, set_now) {
        (true, true) => Err(Errno::Inval),
        (true, false) => Ok(Some(given)),
        (false, true) => Ok(Some(now)),
        (false, false) => Ok(None),
    };
    if flags & !(ATIM | ATIM_NOW | MTIM | MTIM_NOW) != 0 {
        return Err(Errno::Inval);
    }
    Ok((
        pick(accessed, flags & ATIM != 0, flags & ATIM_NOW != 0)?,
        pick(modified, flags & MTIM != 0, flags & MTIM_NOW != 0)?,
    ))
}

/// Descriptor 3 is the one directory that a guest is given: `/`.
pub(super) fn prestat_get(guest: &mut Guest<'_>, fd: u32, prestat: u32) -> Answer<()> {
    preopened(guest.world.descriptors.get(fd)?)?;
    // Tag 0: a directory; then the length of its name.
    guest.memory.write_u32(prestat, 0)?;
    Ok(guest.memory.write_u32(prestat.checked_add(4).ok_or(Errno::Fault)?, 1)?)
}

pub(super) fn prestat_dir_name(guest: &mut Guest<'_>, fd: u32, path: u32, length: u32) -> Answer<()> {
    preopened(guest.world.descriptors.get(fd)?)?;
    if length == 0 {
        return Err(Errno::Nametoolong.into());
    }
    Ok(guest.memory.write(path, b"/")?)
}

fn preopened(descriptor: &Descriptor) -> Answer<()> {
    if descriptor.preopened { Ok(()) } else { Err(Errno::Badf.into()) }
}

/// Moves a descriptor onto another number. An open one is closed; since edition 2 it need not be open.
pub(super) fn renumber(guest: &mut Guest<'_>, from: u32, to: u32) -> Answer<()> {
    let World { descriptors, vfs, edition, .. } = &mut *guest.world;
    let is_open = descriptors.get(to).is_ok();
    if !is_open && *edition < 2 {
        return Err(Errno::Badf.into());
    }
    let moved = descriptors.get(from)?.clone();
    if from == to {
        return Ok(());
    }
    if !is_open {
        descriptors.put(to, moved, &mut vfs.memory)?;
        descriptors.remove(from)?;
        return Ok(());
    }
    descriptors.remove(from)?;
    let closed = descriptors.replace(to, moved)?;
    guest.world.closed(closed)
}
