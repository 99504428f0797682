//! Bounds of what is read and written. Each is checked before memory or time is spent on what it counts.

use crate::error::{LowerError, Result};

/// Components inside of one another.
pub(crate) const MAX_NESTING: usize = 32;

/// Value types inside of one another.
pub(crate) const MAX_TYPE_DEPTH: u32 = 64;

/// Value types in one function type, each counted as often as it occurs.
pub(crate) const MAX_TYPE_NODES: u32 = 10_000;

/// Definitions evaluated over all instantiations.
pub(crate) const MAX_DEFINITIONS: u64 = 1_000_000;

/// Instances of components.
pub(crate) const MAX_COMPONENT_INSTANCES: usize = 1_000;

/// Instances of components that have handles to resources. The support module has a table for each.
pub(crate) const MAX_HANDLE_TABLES: usize = 64;

/// Instances of core modules.
pub(crate) const MAX_CORE_INSTANCES: u64 = 1_000;

/// Bytes of code generated for calls between instances.
pub(crate) const MAX_GENERATED_BYTES: u64 = 16 << 20;

/// Bytes of the initial value of one global, after the globals that it refers to have been put in.
pub(crate) const MAX_CONSTANT_BYTES: usize = 1_024;

/// Counts something up to a limit.
#[derive(Debug)]
pub(crate) struct Budget {
    what: &'static str,
    used: u64,
    limit: u64,
}

impl Budget {
    pub(crate) fn new(what: &'static str, limit: u64) -> Self {
        Self { what, used: 0, limit }
    }

    pub(crate) fn take(&mut self, amount: u64) -> Result<()> {
        self.check(amount)?;
        self.used += amount;
        Ok(())
    }

    /// Whether this much could be taken.
    pub(crate) fn check(&self, amount: u64) -> Result<()> {
        let used = self.used.saturating_add(amount);
        if used > self.limit {
            return Err(LowerError::too_large(self.what, used, self.limit));
        }
        Ok(())
    }
}
