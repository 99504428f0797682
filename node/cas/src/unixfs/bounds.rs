//! Limits on traversing a DAG. Its author is not trusted: a few blocks can represent an enormous tree.

use crate::DataError;

/// Bounds of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Most different blocks. Default 4,194,304: a tebibyte in pieces of 256 KiB.
    pub max_blocks: usize,
    /// Most bytes. Default 2^40, a tebibyte.
    pub max_bytes: u64,
    /// Maximum depth in blocks. Default 4096: 256 directories, each 8 shards deep, and room for a file.
    pub max_depth: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { max_blocks: 1 << 22, max_bytes: 1 << 40, max_depth: 4096 }
    }
}

impl Bounds {
    /// Rejects `what` when it exceeds a limit.
    pub(super) fn check(&self, what: &str, blocks: usize, bytes: u64, depth: usize) -> Result<(), DataError> {
        let Self { max_blocks, max_bytes, max_depth } = self;
        let why = if blocks > *max_blocks {
            format!("it has more than {max_blocks} blocks")
        } else if bytes > *max_bytes {
            format!("it has more than {max_bytes} bytes")
        } else if depth > *max_depth {
            format!("DAG depth exceeds {max_depth}")
        } else {
            return Ok(());
        };
        Err(DataError::out_of_bounds(what, why))
    }
}
