//! The table of open descriptors. A new one takes the lowest free number, as POSIX has it.

use std::collections::BTreeSet;
use std::sync::Arc;

use bacalhau_tree::HostFailure;

use super::rights::Rights;
use crate::host_memory::HostMemory;
use crate::vfs::errno::Errno;
use crate::vfs::fault::{Answer, Stop};
use crate::vfs::{Listing, NodeId};

/// An open file, directory or stream.
#[derive(Clone, Debug)]
pub(super) struct Descriptor {
    pub(super) node: NodeId,
    /// `None` for files and directories of the tree.
    pub(super) stream: Option<Stream>,
    pub(super) preopened: bool,
    /// Rights of the descriptor.
    pub(super) rights: Rights,
    /// Rights of descriptors opened from it.
    pub(super) inheriting: Rights,
    /// Rights dropped with `fd_fdstat_set_rights`, here or in the directory it was opened from.
    pub(super) given_up: Rights,
    /// `fdflags` as they were set.
    pub(super) flags: u16,
    pub(super) position: u64,
    /// The listing of `fd_readdir`, taken at its start.
    pub(super) listing: Option<Arc<Listing>>,
}

/// A standard stream that is not a file of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    /// Standard input without a file: at its end from the beginning.
    Empty,
    /// Standard output or error.
    Log,
}

/// Host memory of a number below the highest that was ever open: its slots in both lists, and as much room to grow.
const NUMBER_BYTES: u64 = 2 * (size_of::<Option<Descriptor>>() + size_of::<u32>()) as u64;

/// Flag `fdflags::append`.
pub(super) const APPEND: u16 = 1;

impl Descriptor {
    pub(super) fn file(node: NodeId, rights: Rights) -> Self {
        Self {
            node,
            stream: None,
            preopened: false,
            rights,
            inheriting: Rights::NONE,
            given_up: Rights::NONE,
            flags: 0,
            position: 0,
            listing: None,
        }
    }

    pub(super) fn dir(node: NodeId, inheriting: Rights) -> Self {
        Self { inheriting, ..Self::file(node, Rights::DIR) }
    }

    pub(super) fn preopened(node: NodeId) -> Self {
        Self { preopened: true, ..Self::dir(node, Rights::ALL) }
    }

    pub(super) fn stream(node: NodeId, stream: Stream, rights: Rights) -> Self {
        Self { stream: Some(stream), ..Self::file(node, rights) }
    }

    /// Returns `ENOTCAPABLE` for a dropped right.
    pub(super) fn require(&self, right: Rights) -> Answer<()> {
        if self.given_up & right == Rights::NONE { Ok(()) } else { Err(Errno::Notcapable.into()) }
    }

    /// `EBADF` where it was not opened for this, as for POSIX' `read` and `write`.
    pub(super) fn opened_for(&self, right: Rights) -> Answer<()> {
        self.require(right)?;
        if self.rights.contains(right) { Ok(()) } else { Err(Errno::Badf.into()) }
    }
}

#[derive(Debug)]
pub(super) struct Descriptors {
    slots: Vec<Option<Descriptor>>,
    /// Free numbers below `slots.len()`.
    free: BTreeSet<u32>,
    most: u64,
}

impl Descriptors {
    pub(super) fn new(most: u64) -> Self {
        Self { slots: Vec::new(), free: BTreeSet::new(), most }
    }

    pub(super) fn is_full(&self) -> bool {
        self.free.is_empty() && self.slots.len() as u64 >= self.most
    }

    pub(super) fn insert(&mut self, descriptor: Descriptor, memory: &mut HostMemory) -> Result<u32, HostFailure> {
        if let Some(fd) = self.free.pop_first() {
            self.slots[fd as usize] = Some(descriptor);
            return Ok(fd);
        }
        memory.take(NUMBER_BYTES)?;
        self.slots.push(Some(descriptor));
        // The limit on open files fits in 32 bits; a larger one exceeds memory first.
        Ok(u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX))
    }

    pub(super) fn get(&self, fd: u32) -> Answer<&Descriptor> {
        self.slots.get(fd as usize).and_then(Option::as_ref).ok_or_else(|| Errno::Badf.into())
    }

    pub(super) fn get_mut(&mut self, fd: u32) -> Answer<&mut Descriptor> {
        self.slots.get_mut(fd as usize).and_then(Option::as_mut).ok_or_else(|| Errno::Badf.into())
    }

    pub(super) fn remove(&mut self, fd: u32) -> Answer<Descriptor> {
        let removed = self.slots.get_mut(fd as usize).and_then(Option::take).ok_or(Errno::Badf)?;
        self.free.insert(fd);
        Ok(removed)
    }

    /// Puts a descriptor at a number that is not open, below the limit of open files: `EBADF` for others.
    pub(super) fn put(&mut self, fd: u32, descriptor: Descriptor, memory: &mut HostMemory) -> Answer<()> {
        if u64::from(fd) >= self.most || self.get(fd).is_ok() {
            return Err(Errno::Badf.into());
        }
        while self.slots.len() <= fd as usize {
            memory.take(NUMBER_BYTES).map_err(Stop::Host)?;
            self.free.insert(u32::try_from(self.slots.len()).unwrap_or(u32::MAX));
            self.slots.push(None);
        }
        self.free.remove(&fd);
        self.slots[fd as usize] = Some(descriptor);
        Ok(())
    }

    /// Puts a descriptor at an open number, and answers the one that was there.
    pub(super) fn replace(&mut self, fd: u32, descriptor: Descriptor) -> Answer<Descriptor> {
        Ok(std::mem::replace(self.get_mut(fd)?, descriptor))
    }
}
