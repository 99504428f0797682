//! Storage of bytes written by the guest: small files in memory, others in a scratch directory, which its owner
//! removes. Job quotas are elsewhere; the host's bound on all of these bytes is here.

use std::cell::OnceCell;
use std::io::{self, Read as _, Seek as _};
use std::path::PathBuf;
use std::sync::Arc;

use cap_std::fs::{Dir, File, FileExt, OpenOptions};

use bacalhau_tree::{Deadline, HostFailure};

use super::handles::Handles;
use super::node::{Content, NodeId};
use crate::host_memory::HostMemory;
use crate::staging::Staging;

/// Maximum size of a file in memory.
pub(super) const FILE_MEMORY_BYTES: u64 = 1 << 20;
/// Maximum total size of files in memory; above it the next growing file goes to disk.
const TOTAL_MEMORY_BYTES: u64 = 64 << 20;

/// Bytes that are copied between two looks at the deadline.
const COPIED_BYTES: u64 = 8 << 20;

/// The bytes of a run's written files.
#[derive(Debug)]
pub(crate) struct Scratch {
    staging: Arc<Staging>,
    /// Created with the first file on disk; most runs need none.
    dir: OnceCell<Dir>,
    /// Capacities of all files in memory.
    in_memory: u64,
    /// Bytes of all files, in memory or not.
    held: u64,
    most_held: u64,
    open: Handles<File>,
}

impl Scratch {
    /// All files together may have `most_held` bytes: with more, the host fails.
    pub(crate) fn new(staging: Arc<Staging>, most_held: u64) -> Self {
        Self { staging, dir: OnceCell::new(), in_memory: 0, held: 0, most_held, open: Handles::default() }
    }

    /// Bytes of all files.
    pub(super) fn held(&self) -> u64 {
        self.held
    }

    /// Writes all of `data`; a hole before it reads as zeros.
    pub(super) fn write(
        &mut self,
        id: NodeId,
        content: &mut Content,
        data: &[u8],
        offset: u64,
        memory: &mut HostMemory,
    ) -> Result<(), HostFailure> {
        let end = offset + data.len() as u64;
        self.hold(size_of(content), end.max(size_of(content)))?;
        self.make_room(id, content, end, memory)?;
        match content {
            Content::Memory(bytes) => {
                let start = usize_of(offset);
                if end > bytes.len() as u64 {
                    bytes.resize(usize_of(end), 0);
                }
                bytes[start..start + data.len()].copy_from_slice(data);
            }
            Content::Spilled { size } => {
                *size = end.max(*size);
                self.file(id)?.write_all_at(data, offset).map_err(failed("write to"))?;
            }
            Content::Input { .. } => return Err(read_only()),
        }
        Ok(())
    }

    /// Reads into `buf` and returns the number of bytes, fewer only at the end.
    pub(super) fn read(
        &mut self,
        id: NodeId,
        content: &Content,
        buf: &mut [u8],
        offset: u64,
    ) -> Result<usize, HostFailure> {
        let size = size_of(content);
        let length = usize_of(size.saturating_sub(offset)).min(buf.len());
        let buf = &mut buf[..length];
        match content {
            Content::Memory(bytes) if length > 0 => {
                let start = usize_of(offset);
                buf.copy_from_slice(&bytes[start..start + length]);
            }
            Content::Spilled { .. } if length > 0 => {
                self.file(id)?.read_exact_at(buf, offset).map_err(failed("read back"))?;
            }
            Content::Memory(_) | Content::Spilled { .. } => {}
            Content::Input { .. } => return Err(read_only()),
        }
        Ok(length)
    }

    /// Cuts the file off, or lengthens it with zeros.
    pub(super) fn resize(
        &mut self,
        id: NodeId,
        content: &mut Content,
        size: u64,
        memory: &mut HostMemory,
    ) -> Result<(), HostFailure> {
        self.hold(size_of(content), size)?;
        self.make_room(id, content, size, memory)?;
        match content {
            Content::Memory(bytes) => {
                bytes.resize(usize_of(size), 0);
                if bytes.len() <= bytes.capacity() / 2 {
                    self.set_capacity(bytes, usize_of(size), memory)?;
                }
            }
            Content::Spilled { size: old } => {
                *old = size;
                self.file(id)?.set_len(size).map_err(failed("change the size of"))?;
            }
            Content::Input { .. } => return Err(read_only()),
        }
        Ok(())
    }

    /// Releases the bytes of a removed file.
    pub(super) fn discard(
        &mut self,
        id: NodeId,
        content: &Content,
        memory: &mut HostMemory,
    ) -> Result<(), HostFailure> {
        match content {
            Content::Memory(bytes) => {
                self.held -= bytes.len() as u64;
                self.in_memory -= bytes.capacity() as u64;
                memory.give_back(bytes.capacity() as u64);
            }
            Content::Spilled { size } => {
                self.held -= size;
                self.open.forget(id);
                self.dir()?.remove_file(file_name(id)).map_err(failed("remove"))?;
            }
            Content::Input { .. } => {}
        }
        Ok(())
    }

    /// Moves or writes the bytes of a file to `name` in `to`.
    pub(super) fn move_out(&mut self, id: NodeId, content: &Content, to: &Dir, name: &str) -> Result<(), HostFailure> {
        let moved = match content {
            Content::Memory(bytes) => create_new(to, name).and_then(|file| file.write_all_at(bytes, 0)),
            Content::Spilled { .. } => {
                self.open.forget(id);
                let dir = self.dir()?;
                refuse_existing(to, name).and_then(|()| dir.rename(file_name(id), to, name))
            }
            Content::Input { .. } => return Err(read_only()),
        };
        moved.map_err(|error| HostFailure::io(format!("write {name:?} to the results directory"), error))
    }

    /// Puts a second copy of a file, under another name that the guest linked to it.
    pub(super) fn copy_out(
        &mut self,
        id: NodeId,
        content: &Content,
        to: &Dir,
        name: &str,
        deadline: &Deadline,
    ) -> Result<(), HostFailure> {
        self.hold(0, size_of(content))?;
        let Content::Spilled { .. } = content else { return self.move_out(id, content, to, name) };
        let from = self.file(id)?;
        let copy = |to: &mut std::fs::File| -> io::Result<()> {
            let mut from = from.try_clone()?.into_std();
            from.rewind()?;
            loop {
                deadline.check_io()?;
                if io::copy(&mut (&from).take(COPIED_BYTES), to)? == 0 {
                    return Ok(());
                }
            }
        };
        refuse_existing(to, name)
            .and_then(|()| create_new(to, name))
            .and_then(|made| copy(&mut made.into_std()))
            .map_err(|error| HostFailure::io(format!("copy {name:?} to the results directory"), error))
    }

    /// Accounts a size change of a file from `from` to `to` bytes.
    fn hold(&mut self, from: u64, to: u64) -> Result<(), HostFailure> {
        let held = self.held.saturating_sub(from).saturating_add(to);
        if to > from && held > self.most_held {
            return Err(HostFailure::new(format!(
                "the outputs, temporary files and logs of the run need more than the {} bytes of disk that this host gives it",
                self.most_held
            )));
        }
        self.held = held;
        Ok(())
    }

    /// Makes room for `size` bytes in memory, or takes the file to disk when that is too much.
    fn make_room(
        &mut self,
        id: NodeId,
        content: &mut Content,
        size: u64,
        memory: &mut HostMemory,
    ) -> Result<(), HostFailure> {
        let Content::Memory(bytes) = content else { return Ok(()) };
        let before = bytes.capacity() as u64;
        if size <= before {
            return Ok(());
        }
        let capacity = size.max((2 * before).min(FILE_MEMORY_BYTES));
        let growth = capacity - before;
        if size <= FILE_MEMORY_BYTES && self.in_memory + growth <= TOTAL_MEMORY_BYTES && memory.has_spare(growth) {
            return self.set_capacity(bytes, usize_of(capacity), memory);
        }
        let length = bytes.len() as u64;
        let file = create_new(self.dir()?, file_name(id)).map_err(failed("create"))?;
        file.write_all_at(bytes, 0).map_err(failed("write to"))?;
        self.in_memory -= before;
        memory.give_back(before);
        *content = Content::Spilled { size: length };
        Ok(())
    }

    /// Gives a file in memory room for `capacity` bytes, which is not less than it has.
    fn set_capacity(
        &mut self,
        bytes: &mut Vec<u8>,
        capacity: usize,
        memory: &mut HostMemory,
    ) -> Result<(), HostFailure> {
        let before = bytes.capacity() as u64;
        if capacity > bytes.capacity() {
            bytes.reserve_exact(capacity - bytes.len());
        } else {
            bytes.shrink_to(capacity);
        }
        let after = bytes.capacity() as u64;
        self.in_memory = self.in_memory - before + after;
        memory.give_back(before);
        memory.take(after)
    }

    fn file(&mut self, id: NodeId) -> Result<&File, HostFailure> {
        let Self { staging, dir, open, .. } = self;
        let dir = opened(dir, staging)?;
        open.get(id, || dir.open_with(file_name(id), OpenOptions::new().read(true).write(true))).map_err(failed("open"))
    }

    fn dir(&self) -> Result<&Dir, HostFailure> {
        opened(&self.dir, &self.staging)
    }
}

/// The scratch directory, created on first use.
fn opened<'a>(dir: &'a OnceCell<Dir>, staging: &Staging) -> Result<&'a Dir, HostFailure> {
    if let Some(dir) = dir.get() {
        return Ok(dir);
    }
    let (_, made) = staging.make("scratch")?;
    Ok(dir.get_or_init(|| made))
}

/// Length of content with a known length.
pub(super) fn size_of(content: &Content) -> u64 {
    match content {
        Content::Memory(bytes) => bytes.len() as u64,
        Content::Spilled { size } => *size,
        Content::Input { size, .. } => size.unwrap_or(0),
    }
}

fn file_name(id: NodeId) -> PathBuf {
    id.inode().to_string().into()
}

fn create_new(dir: &Dir, name: impl AsRef<std::path::Path>) -> io::Result<File> {
    dir.open_with(name, OpenOptions::new().read(true).write(true).create_new(true))
}

/// Two names that are one to the host's file system must not silently become one file.
fn refuse_existing(dir: &Dir, name: &str) -> io::Result<()> {
    match dir.symlink_metadata(name) {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn failed(verb: &'static str) -> impl Fn(io::Error) -> HostFailure {
    move |error| HostFailure::io(format!("{verb} a scratch file beside the results directory"), error)
}

fn read_only() -> HostFailure {
    HostFailure::new("a file of an input was about to be written, which is a defect of this program")
}

/// Lengths in memory are far below the host's address range.
fn usize_of(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
