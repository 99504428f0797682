//! One chunk of a file becomes a block: read straight into the block's own bytes, then hashed.

use std::io;
use std::sync::Arc;

use bacalhau_tree::{ReadAt, Tree};

use super::buffers::Buffers;
use super::{Chunk, Layout};
use crate::protobuf::{put_number, put_varint};
use crate::unixfs::{Meta, MetaKind};
use crate::{Block, Code, DataError};

/// A chunk that is still to be read and hashed.
pub(super) struct Leaf<'t> {
    /// The file; empty where it is all there is.
    pub(super) path: Arc<str>,
    pub(super) source: Source<'t>,
    pub(super) length: usize,
    /// The name of the file, at its last chunk.
    pub(super) last: Option<String>,
}

/// Where the bytes of a chunk are.
pub(super) enum Source<'t> {
    /// A whole file that is not open yet.
    Whole(&'t dyn Tree),
    /// In an open file, from this offset.
    At(Arc<dyn ReadAt>, u64),
    /// Here: they were read from a stream.
    Bytes(Vec<u8>),
}

impl Leaf<'_> {
    /// Where its bytes are.
    pub(super) fn chunk(&self) -> Chunk {
        let offset = if let Source::At(_, offset) = &self.source { *offset } else { 0 };
        Chunk { path: Arc::clone(&self.path), offset, length: self.length }
    }

    /// Reads and hashes it.
    pub(super) fn block(&mut self, layout: Layout, buffers: &Arc<Buffers>) -> Result<Block, DataError> {
        if let (Source::Bytes(bytes), true) = (&mut self.source, layout.raw_leaves) {
            return Ok(Block::of(Code::Raw, std::mem::take(bytes)));
        }
        let (head, tail) = if layout.raw_leaves { (Vec::new(), Vec::new()) } else { frame(self.length) };
        let end = head.len() + self.length;
        let block = buffers.fill(end + tail.len(), |block| {
            block[..head.len()].copy_from_slice(&head);
            block[end..].copy_from_slice(&tail);
            self.read(&mut block[head.len()..end])
        });
        let block = block.map_err(|error| reading(&self.path, error))?;
        Ok(if layout.raw_leaves { Block::of(Code::Raw, block) } else { layout.node(block) })
    }

    fn read(&self, chunk: &mut [u8]) -> io::Result<()> {
        let opened;
        let (file, offset) = match &self.source {
            Source::Whole(tree) => {
                opened = tree.open(&self.path)?;
                (&*opened, 0)
            }
            Source::At(file, offset) => (&**file, *offset),
            Source::Bytes(bytes) => {
                chunk.copy_from_slice(bytes);
                return Ok(());
            }
        };
        let read = file.read_at(chunk, offset)?;
        let grown = self.last.is_some() && file.read_at(&mut [0], offset + chunk.len() as u64)? > 0;
        if read == chunk.len() && !grown {
            return Ok(());
        }
        Err(io::Error::other("its length changed while it was read; import it again when it is not being written"))
    }
}

/// The error for an unreadable entry at `path`.
pub(super) fn reading(path: &str, error: io::Error) -> DataError {
    let what = if path.is_empty() { "read the data to import".into() } else { format!("read {path} to import it") };
    DataError::io(what, error)
}

/// Bytes of the block of a full chunk.
pub(super) fn full_block_bytes(layout: Layout) -> usize {
    let (head, tail) = if layout.raw_leaves { (Vec::new(), Vec::new()) } else { frame(layout.chunk_bytes) };
    head.len() + layout.chunk_bytes + tail.len()
}

/// The bytes before and after a chunk that is wrapped in a node: [`Meta`] in a [`Node`](crate::dag_pb::Node) without
/// links, encoded without copying the chunk twice.
fn frame(length: usize) -> (Vec<u8>, Vec<u8>) {
    const BYTES_FIELD: u64 = 1 << 3 | 2;
    const META_DATA_FIELD: u64 = 2 << 3 | 2;
    const META_FILE_SIZE: u64 = 3;
    let mut meta = Meta::of(MetaKind::File).encode();
    if length > 0 {
        put_varint(&mut meta, META_DATA_FIELD);
        put_varint(&mut meta, length as u64);
    }
    let mut tail = Vec::new();
    put_number(&mut tail, META_FILE_SIZE, length as u64);
    let mut head = Vec::new();
    put_varint(&mut head, BYTES_FIELD);
    put_varint(&mut head, (meta.len() + length + tail.len()) as u64);
    head.extend_from_slice(&meta);
    (head, tail)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::dag_pb::Node;

    #[test]
    fn a_frame_is_what_the_encoders_write() {
        for length in [0, 1, 127, 128, 300, 262_144] {
            let data = vec![7; length];
            let meta = Meta {
                data: (length > 0).then(|| Bytes::from(data.clone())),
                file_size: Some(length as u64),
                ..Meta::of(MetaKind::File)
            };
            let node = Node { links: Vec::new(), data: Some(meta.encode().into()) };
            let (head, tail) = frame(length);
            assert_eq!([head, data, tail].concat(), node.encode(), "{length}");
        }
    }
}
