//! Parts of objects that were read last, in blocks. Reads are small and near each other, requests are slow.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use object_store::path::Path;

/// Size of a block in bytes: a request takes some tens of milliseconds, in which a fast network carries as much.
pub(crate) const BLOCK_BYTES: u64 = 4 << 20;
/// Blocks that a tree keeps.
const MAX_BLOCKS: usize = 16;

type Key = (Path, u64);

/// The last blocks, the newest at the end.
#[derive(Debug, Default)]
pub(crate) struct Blocks(Mutex<VecDeque<(Key, Arc<Slot>)>>);

/// A block, or the place where the thread that needs it first puts it.
#[derive(Debug, Default)]
struct Slot(Mutex<Option<Bytes>>);

impl Blocks {
    /// The block `number` of the object at `path`, which `fetch` reads if it is not kept. Threads that need the same block
    /// wait for one request.
    pub(crate) fn get(&self, path: &Path, number: u64, fetch: impl FnOnce() -> io::Result<Bytes>) -> io::Result<Bytes> {
        let slot = self.slot(path, number);
        let mut bytes = slot.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = &*bytes {
            return Ok(bytes.clone());
        }
        let fetched = fetch()?;
        *bytes = Some(fetched.clone());
        Ok(fetched)
    }

    fn slot(&self, path: &Path, number: u64) -> Arc<Slot> {
        let mut blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = blocks.iter().position(|((kept, at), _)| *at == number && kept == path);
        let block = match found.and_then(|at| blocks.remove(at)) {
            Some(block) => block,
            None => ((path.clone(), number), Arc::default()),
        };
        if blocks.len() == MAX_BLOCKS {
            blocks.pop_front();
        }
        let slot = Arc::clone(&block.1);
        blocks.push_back(block);
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_blocks_are_kept_and_a_failure_is_not() {
        let blocks = Blocks::default();
        let path = Path::from("a");
        let failed = blocks.get(&path, 0, || Err(io::ErrorKind::TimedOut.into()));
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let mut requests = 0;
        let mut read = |number| {
            blocks.get(&path, number, || {
                requests += 1;
                Ok(Bytes::from(vec![u8::try_from(number).unwrap()]))
            })
        };
        for number in [0, 0, 1, 0] {
            assert_eq!(read(number).unwrap()[0], u8::try_from(number).unwrap());
        }
        for number in 0..=MAX_BLOCKS as u64 {
            read(number).unwrap();
        }
        read(0).unwrap();
        assert_eq!(requests, 2 + MAX_BLOCKS - 1 + 1, "the oldest was dropped");
        assert_eq!(blocks.0.lock().unwrap().len(), MAX_BLOCKS);
    }
}
