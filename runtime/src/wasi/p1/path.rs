//! Operations by path: opening, creating, moving, linking, removing, and attributes.

use bacalhau_tree::Kind;

use super::fd::times;
use super::{Answer, Guest, layout};
use crate::vfs::errno::Errno;
use crate::vfs::{NodeId, Place};
use crate::wasi::descriptors::Descriptor;
use crate::wasi::rights::Rights;

/// Flag `lookupflags::symlink_follow`.
const FOLLOW: u32 = 1;

/// The `oflags`.
const CREAT: u32 = 1;
const DIRECTORY: u32 = 2;
const EXCL: u32 = 4;
const TRUNC: u32 = 8;

pub(super) fn create_directory(guest: &mut Guest<'_>, fd: u32, path: u32, length: u32) -> Answer<()> {
    let place = place(guest, fd, path, length, false, Rights::PATH_CREATE_DIRECTORY)?;
    guest.world.vfs.make_dir(&place)
}

pub(super) fn filestat_get(
    guest: &mut Guest<'_>,
    fd: u32,
    flags: u32,
    path: u32,
    length: u32,
    stat: u32,
) -> Answer<()> {
    let place = place(guest, fd, path, length, flags & FOLLOW != 0, Rights::PATH_FILESTAT_GET)?;
    let node = place.existing(&guest.world.vfs)?;
    let found = guest.world.vfs.stat(node)?;
    Ok(guest.memory.write(stat, &layout::filestat(&found, layout::filetype(found.kind)))?)
}

#[expect(clippy::too_many_arguments, reason = "preview 1 gives them all")]
pub(super) fn filestat_set_times(
    guest: &mut Guest<'_>,
    fd: u32,
    flags: u32,
    path: u32,
    length: u32,
    accessed: u64,
    modified: u64,
    which: u32,
) -> Answer<()> {
    let place = place(guest, fd, path, length, flags & FOLLOW != 0, Rights::PATH_FILESTAT_SET_TIMES)?;
    let node = place.existing(&guest.world.vfs)?;
    let (accessed, modified) = times(guest, accessed, modified, which)?;
    guest.world.vfs.set_times(node, accessed, modified)
}

#[expect(clippy::too_many_arguments, reason = "preview 1 gives them all")]
pub(super) fn link(
    guest: &mut Guest<'_>,
    old_fd: u32,
    old_flags: u32,
    old_path: u32,
    old_length: u32,
    new_fd: u32,
    new_path: u32,
    new_length: u32,
) -> Answer<()> {
    let old = place(guest, old_fd, old_path, old_length, old_flags & FOLLOW != 0, Rights::PATH_LINK_SOURCE)?;
    let new = place(guest, new_fd, new_path, new_length, false, Rights::PATH_LINK_TARGET)?;
    let node = old.existing(&guest.world.vfs)?;
    guest.world.vfs.link(node, &new)
}

#[expect(clippy::too_many_arguments, reason = "preview 1 gives them all")]
pub(super) fn open(
    guest: &mut Guest<'_>,
    fd: u32,
    lookup: u32,
    path: u32,
    length: u32,
    oflags: u32,
    base: u64,
    inheriting: u64,
    fdflags: u32,
    opened: u32,
) -> Answer<()> {
    // Checked first: a descriptor that the guest never learns of would stay open.
    guest.memory.u32(opened)?;
    let exclusive = oflags & (CREAT | EXCL) == CREAT | EXCL;
    let place = place(guest, fd, path, length, lookup & FOLLOW != 0 && !exclusive, Rights::PATH_OPEN)?;
    let parent = guest.world.descriptors.get(fd)?.clone();
    if guest.world.edition >= 2 && oflags & TRUNC != 0 {
        parent.require(Rights::PATH_FILESTAT_SET_SIZE)?;
    }
    let asked = Rights(base) & parent.inheriting;
    let flags = u16::try_from(fdflags).map_err(|_| Errno::Inval)?;
    guest.world.require_descriptor()?;
    let node = match place.node {
        Some(_) if exclusive => return Err(Errno::Exist.into()),
        Some(_) => existing(guest, &place, oflags, asked)?,
        None if oflags & CREAT == 0 => return Err(Errno::Noent.into()),
        None if oflags & DIRECTORY != 0 => return Err(Errno::Inval.into()),
        None => {
            parent.require(Rights::PATH_CREATE_FILE)?;
            guest.world.vfs.make_file(&place)?
        }
    };
    let descriptor = match guest.world.vfs.kind(node) {
        Kind::Dir => Descriptor::dir(node, Rights(inheriting) & parent.inheriting),
        Kind::File | Kind::Link => Descriptor::file(node, granted(guest, node, asked)),
    };
    // Rights dropped for descriptors opened from the directory are absent here too.
    let given_up = Rights::ALL & !parent.inheriting;
    let number = guest.world.open(Descriptor { given_up, flags, ..descriptor })?;
    Ok(guest.memory.write_u32(opened, number)?)
}

/// Opens an existing node, and truncates it if requested.
fn existing(guest: &mut Guest<'_>, place: &Place, oflags: u32, asked: Rights) -> Answer<NodeId> {
    let vfs = &mut guest.world.vfs;
    let node = place.existing(vfs)?;
    let writes = asked.contains(Rights::FD_WRITE) || oflags & TRUNC != 0;
    match vfs.kind(node) {
        // A link is reached only if the guest asked not to follow it.
        Kind::Link => return Err(Errno::Loop.into()),
        Kind::Dir if writes || oflags & (CREAT | DIRECTORY) == CREAT => return Err(Errno::Isdir.into()),
        Kind::File if oflags & DIRECTORY != 0 => return Err(Errno::Notdir.into()),
        Kind::File if writes && vfs.is_read_only(node) => return Err(Errno::Rofs.into()),
        Kind::File | Kind::Dir => {}
    }
    if oflags & TRUNC != 0 {
        vfs.resize(node, 0)?;
    }
    Ok(node)
}

/// Rights of a newly opened file: none that change its bytes without the right to write.
fn granted(guest: &Guest<'_>, node: NodeId, asked: Rights) -> Rights {
    let possible = if asked.contains(Rights::FD_WRITE) && !guest.world.vfs.is_read_only(node) {
        Rights::FILE
    } else {
        Rights::FILE & !Rights::WRITE
    };
    asked & possible
}

pub(super) fn readlink(
    guest: &mut Guest<'_>,
    fd: u32,
    path: u32,
    length: u32,
    buf: u32,
    buf_length: u32,
    used: u32,
) -> Answer<()> {
    let place = place(guest, fd, path, length, false, Rights::PATH_READLINK)?;
    let node = place.existing(&guest.world.vfs)?;
    let target = guest.world.vfs.read_link(node)?.as_bytes();
    // POSIX cuts a target off at the end of the buffer.
    let fits = target.len().min(buf_length as usize);
    guest.memory.write(buf, &target[..fits])?;
    guest.moved += fits as u64;
    Ok(guest.memory.write_u32(used, u32::try_from(fits).unwrap_or(buf_length))?)
}

pub(super) fn remove_directory(guest: &mut Guest<'_>, fd: u32, path: u32, length: u32) -> Answer<()> {
    let place = place(guest, fd, path, length, false, Rights::PATH_REMOVE_DIRECTORY)?;
    guest.world.vfs.remove_dir(&place)
}

pub(super) fn rename(
    guest: &mut Guest<'_>,
    old_fd: u32,
    old_path: u32,
    old_length: u32,
    new_fd: u32,
    new_path: u32,
    new_length: u32,
) -> Answer<()> {
    let old = place(guest, old_fd, old_path, old_length, false, Rights::PATH_RENAME_SOURCE)?;
    let new = place(guest, new_fd, new_path, new_length, false, Rights::PATH_RENAME_TARGET)?;
    guest.world.vfs.rename(&old, &new)
}

pub(super) fn symlink(
    guest: &mut Guest<'_>,
    target: u32,
    target_length: u32,
    fd: u32,
    path: u32,
    length: u32,
) -> Answer<()> {
    let place = place(guest, fd, path, length, false, Rights::PATH_SYMLINK)?;
    let target = guest.memory.text(target, target_length)?;
    guest.moved += u64::from(target_length);
    guest.world.vfs.make_link(target, &place)
}

pub(super) fn unlink_file(guest: &mut Guest<'_>, fd: u32, path: u32, length: u32) -> Answer<()> {
    let place = place(guest, fd, path, length, false, Rights::PATH_UNLINK_FILE)?;
    guest.world.vfs.unlink(&place)
}

/// Follows a path of the guest's from one of its directories, which must allow `right`.
fn place(guest: &mut Guest<'_>, fd: u32, path: u32, length: u32, follow: bool, right: Rights) -> Answer<Place> {
    let base = guest.world.descriptors.get(fd)?;
    if guest.world.vfs.kind(base.node) != Kind::Dir || base.stream.is_some() {
        return Err(Errno::Notdir.into());
    }
    base.require(right)?;
    let node = base.node;
    guest.moved += u64::from(length);
    let path = guest.memory.text(path, length)?;
    guest.world.vfs.resolve(node, path, follow)
}
