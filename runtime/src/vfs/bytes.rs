//! Reads and writes the content of files, within the quota. Positions and append mode are the descriptor's business.

use super::errno::Errno;
use super::fault::Answer;
use super::node::{Body, Content, NodeId};
use super::scratch::{FILE_MEMORY_BYTES, size_of};
use super::usage::Usage;
use super::{Scratch, Vfs};
use crate::host_memory::HostMemory;

/// Maximum size of a file: the range of a signed 64-bit offset.
pub(crate) const MAX_FILE_BYTES: u64 = i64::MAX as u64;

impl Vfs {
    /// Bytes of a file or of a link's target; 0 for a directory.
    pub(crate) fn size(&mut self, id: NodeId) -> Answer<u64> {
        let Self { nodes, trees, .. } = self;
        match nodes.get_mut(id).map(|node| &mut node.body) {
            Some(Body::File(Content::Input { source, size })) => match size {
                Some(size) => Ok(*size),
                None => Ok(*size.insert(trees.size(source)?)),
            },
            Some(Body::File(content)) => Ok(size_of(content)),
            Some(Body::Link(target)) => Ok(target.len() as u64),
            Some(Body::Dir(_)) | None => Ok(0),
        }
    }

    /// Reads into `buf` and returns the number of bytes, fewer only at the end of the file.
    pub(crate) fn read(&mut self, id: NodeId, buf: &mut [u8], offset: u64) -> Answer<usize> {
        let size = self.size(id)?;
        let Self { nodes, trees, scratch, .. } = self;
        match nodes.get(id).map(|node| &node.body) {
            Some(Body::File(Content::Input { source, .. })) => {
                let left = usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX);
                let length = left.min(buf.len());
                if length > 0 {
                    trees.read(id, source, &mut buf[..length], offset)?;
                }
                Ok(length)
            }
            Some(Body::File(content)) => Ok(scratch.read(id, content, buf, offset)?),
            Some(Body::Dir(_)) => Err(Errno::Isdir.into()),
            Some(Body::Link(_)) | None => Err(Errno::Inval.into()),
        }
    }

    /// Writes all of `data`.
    pub(crate) fn write(&mut self, id: NodeId, data: &[u8], offset: u64) -> Answer<()> {
        if data.is_empty() {
            return Ok(());
        }
        let end = offset.checked_add(data.len() as u64).filter(|end| *end <= MAX_FILE_BYTES).ok_or(Errno::Fbig)?;
        if self.null == Some(id) {
            return Ok(());
        }
        self.change(id, |content, scratch, usage, memory| {
            let size = size_of(content);
            usage.resize(size, size.max(end))?;
            scratch.write(id, content, data, offset, memory)?;
            Ok(zeroed(size, offset))
        })
    }

    /// Cuts a file off, or lengthens it with zeros.
    pub(crate) fn resize(&mut self, id: NodeId, to: u64) -> Answer<()> {
        if to > MAX_FILE_BYTES {
            return Err(Errno::Fbig.into());
        }
        if self.null == Some(id) {
            return Ok(());
        }
        self.change(id, |content, scratch, usage, memory| {
            let size = size_of(content);
            usage.resize(size, to)?;
            scratch.resize(id, content, to, memory)?;
            Ok(zeroed(size, to))
        })
    }

    /// Appends to a standard stream, which counts as log, not as output.
    pub(crate) fn append_log(&mut self, id: NodeId, data: &[u8]) -> Answer<()> {
        let size = self.size(id)?;
        let Self { nodes, scratch, memory, .. } = self;
        match nodes.get_mut(id).map(|node| &mut node.body) {
            Some(Body::File(content)) => Ok(scratch.write(id, content, data, size, memory)?),
            _ => Err(Errno::Badf.into()),
        }
    }

    /// Runs `edit` on the content of a file; it returns its cost beside the moved bytes.
    fn change(
        &mut self,
        id: NodeId,
        edit: impl FnOnce(&mut Content, &mut Scratch, &mut Usage, &mut HostMemory) -> Answer<u64>,
    ) -> Answer<()> {
        let Self { nodes, scratch, usage, memory, clock, work, .. } = self;
        let node = nodes.get_mut(id).ok_or(Errno::Badf)?;
        if node.read_only {
            return Err(Errno::Rofs.into());
        }
        match &mut node.body {
            Body::File(content) => *work += edit(content, scratch, usage, memory)?,
            Body::Dir(_) => return Err(Errno::Isdir.into()),
            Body::Link(_) => return Err(Errno::Inval.into()),
        }
        node.times.modified = clock.now();
        node.times.changed = clock.now();
        Ok(())
    }
}

/// Fuel of filling a hole with zeros, which the host does only in memory.
fn zeroed(from: u64, to: u64) -> u64 {
    to.saturating_sub(from).min(FILE_MEMORY_BYTES)
}
