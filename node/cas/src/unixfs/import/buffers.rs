//! Memory of blocks that was used before: asking the system for fresh memory costs nearly as much as hashing it.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;

/// Buffer pool of an import, all of one length.
#[derive(Debug)]
pub(super) struct Buffers {
    length: usize,
    free: Mutex<Vec<Vec<u8>>>,
}

/// A buffer that returns to the pool when the last of its [`Bytes`] is dropped.
struct Lent {
    buffer: Vec<u8>,
    home: Weak<Buffers>,
}

impl Buffers {
    pub(super) fn new(length: usize) -> Arc<Self> {
        Arc::new(Self { length, free: Mutex::default() })
    }

    /// Bytes of this length, at most that of the buffers, filled by `fill`.
    pub(super) fn fill<E>(
        self: &Arc<Self>,
        length: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<Bytes, E> {
        // Long-lived bytes keep their buffer, so small ones are not lent.
        if length <= self.length / 2 {
            let mut bytes = vec![0; length];
            fill(&mut bytes)?;
            return Ok(bytes.into());
        }
        let used = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffer = used.unwrap_or_else(|| vec![0; self.length]);
        fill(&mut buffer[..length])?;
        Ok(Bytes::from_owner(Lent { buffer, home: Arc::downgrade(self) }).slice(..length))
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(home) = self.home.upgrade() {
            home.free.lock().unwrap_or_else(PoisonError::into_inner).push(std::mem::take(&mut self.buffer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(buffers: &Arc<Buffers>, length: usize, byte: u8) -> Bytes {
        let filled = buffers.fill(length, |buffer| {
            buffer.fill(byte);
            Ok::<_, ()>(())
        });
        filled.unwrap()
    }

    #[test]
    fn a_buffer_is_used_again_when_nobody_holds_it() {
        let buffers = Buffers::new(9);
        let first = fill(&buffers, 9, 1);
        let (place, part) = (first.as_ptr(), first.slice(2..4));
        drop(first);
        assert_ne!(fill(&buffers, 9, 2).as_ptr(), place);
        assert_eq!(part, vec![1; 2]);
        drop(part);
        assert_eq!(fill(&buffers, 9, 3).as_ptr(), place);
        assert_eq!(fill(&buffers, 5, 4), vec![4; 5]);
        assert_eq!(fill(&buffers, 4, 4), vec![4; 4]);
        let last = fill(&buffers, 9, 5);
        drop(buffers);
        assert_eq!(last, vec![5; 9]);
    }
}
