//! What a run has this host keep in memory beside the program's linear memories, against one bound: `host_bytes`.
//! Amounts are what the kept values take at most, spare room and the allocator's share included. It is the host's bound: a
//! run that needs more is a failure of this host, and the guest never sees it.

use bacalhau_tree::HostFailure;

/// Bytes that an allocation takes beside its content, at most.
const ALLOCATION_BYTES: u64 = 32;

/// The account of one run.
#[derive(Debug)]
pub(crate) struct HostMemory {
    held: u64,
    most: u64,
}

impl HostMemory {
    /// Nothing is held; `most` bytes may be.
    pub(crate) fn new(most: u64) -> Self {
        Self { held: 0, most }
    }

    /// Counts `bytes` that are about to be allocated.
    ///
    /// # Errors
    /// When the run may not hold so much. Nothing is counted then.
    pub(crate) fn take(&mut self, bytes: u64) -> Result<(), HostFailure> {
        if !self.has(bytes) {
            return Err(HostFailure::new(format!(
                "the run needs {} bytes of this host's memory beside the program's own, for names, links, listings, open files \
                 and tables, and its limit host_bytes is {}: give a run more with --host-memory, or \
                 --limit-job-host-memory of a server",
                self.held.saturating_add(bytes),
                self.most
            )));
        }
        self.held += bytes;
        Ok(())
    }

    /// Whether `bytes` more may be held.
    pub(crate) fn has(&self, bytes: u64) -> bool {
        self.held.checked_add(bytes).is_some_and(|held| held <= self.most)
    }

    /// Whether `bytes` more leave half of the bound to what cannot be anywhere but in memory.
    pub(crate) fn has_spare(&self, bytes: u64) -> bool {
        self.held.checked_add(bytes).is_some_and(|held| held <= self.most / 2)
    }

    /// Counts `bytes` that were freed.
    pub(crate) fn give_back(&mut self, bytes: u64) {
        self.held = self.held.saturating_sub(bytes);
    }

    /// Bytes held now.
    #[cfg(test)]
    pub(crate) fn held(&self) -> u64 {
        self.held
    }
}

/// Bytes of an allocation with `length` bytes of content.
pub(crate) fn allocation(length: usize) -> u64 {
    length as u64 + ALLOCATION_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_named_and_not_counted() {
        let mut memory = HostMemory::new(100);
        memory.take(60).unwrap();
        let failure = memory.take(41).unwrap_err().to_string();
        assert!(failure.contains("needs 101 bytes") && failure.contains("host_bytes is 100"), "{failure}");
        memory.take(40).unwrap();
        assert!(memory.take(u64::MAX).is_err() && !memory.has(1));
        memory.give_back(100);
        assert_eq!(memory.held(), 0);
    }
}
