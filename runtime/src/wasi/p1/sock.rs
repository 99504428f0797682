//! Sockets and signals, which jobs do not have: each call returns the error code of POSIX.

use super::{Answer, Guest};
use crate::vfs::errno::Errno;

pub(super) fn accept(guest: &mut Guest<'_>, fd: u32, _flags: u32, _accepted: u32) -> Answer<()> {
    no_socket(guest, fd)
}

pub(super) fn recv(
    guest: &mut Guest<'_>,
    fd: u32,
    _iovs: u32,
    _count: u32,
    _flags: u32,
    _received: u32,
    _out_flags: u32,
) -> Answer<()> {
    no_socket(guest, fd)
}

pub(super) fn send(guest: &mut Guest<'_>, fd: u32, _iovs: u32, _count: u32, _flags: u32, _sent: u32) -> Answer<()> {
    no_socket(guest, fd)
}

pub(super) fn shutdown(guest: &mut Guest<'_>, fd: u32, _how: u32) -> Answer<()> {
    no_socket(guest, fd)
}

pub(super) fn proc_raise(_guest: &mut Guest<'_>, _signal: u32) -> Answer<()> {
    Err(Errno::Notsup.into())
}

fn no_socket(guest: &Guest<'_>, fd: u32) -> Answer<()> {
    guest.world.descriptors.get(fd)?;
    Err(Errno::Notsock.into())
}
