//! Bytes as hexadecimal digits, which is how hashes are written where they are no CIDs.

use std::fmt;

/// Shows bytes as two lower-case digits each.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
