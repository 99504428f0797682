//! Accounts host memory of a run beside the guest's linear memories, with the bound `host_bytes`. Amounts are upper
//! bounds of the kept values, including spare capacity and allocator overhead. The bound is the host's: exceeding it is
//! a host failure, which the guest does not see.

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
    /// An empty account with the bound `most`.
    pub(crate) fn new(most: u64) -> Self {
        Self { held: 0, most }
    }

    /// Reserves `bytes` before an allocation.
    ///
    /// # Errors
    /// When the bound would be exceeded. Nothing is reserved then.
    pub(crate) fn take(&mut self, bytes: u64) -> Result<(), HostFailure> {
        if !self.has(bytes) {
            return Err(HostFailure::new(format!(
                "the run needs {} bytes of this host's memory beside the program's own, for names, links, listings, open files, \
                 tables and exceptions, and its limit host_bytes is {}: give a run more with --host-memory, or \
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

    /// Whether `bytes` more leave half of the bound for data that must be in memory.
    pub(crate) fn has_spare(&self, bytes: u64) -> bool {
        self.held.checked_add(bytes).is_some_and(|held| held <= self.most / 2)
    }

    /// Counts `bytes` that were freed.
    pub(crate) fn give_back(&mut self, bytes: u64) {
        self.held = self.held.saturating_sub(bytes);
    }

    /// Reserved bytes.
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
