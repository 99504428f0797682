//! Accounts the guest's files against the job's limits.

use bacalhau_receipt::{Limit, Limits};

use super::fault::Answer;

/// Usage by the guest.
#[derive(Debug)]
pub(super) struct Usage {
    bytes: u64,
    most_bytes: u64,
    files: u64,
    most_files: u64,
}

impl Usage {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { bytes: 0, most_bytes: limits.output_bytes, files: 0, most_files: limits.output_files }
    }

    /// Accounts a size change of a file from `from` to `to` bytes.
    pub(super) fn resize(&mut self, from: u64, to: u64) -> Answer<()> {
        let bytes = (self.bytes - from).saturating_add(to);
        if to > from && bytes > self.most_bytes {
            return Err(Limit::OutputBytes.into());
        }
        self.bytes = bytes;
        Ok(())
    }

    /// Adds a name.
    pub(super) fn add_file(&mut self) -> Answer<()> {
        if self.files >= self.most_files {
            return Err(Limit::OutputFiles.into());
        }
        self.files += 1;
        Ok(())
    }

    /// Removes a name.
    pub(super) fn remove_file(&mut self) {
        self.files -= 1;
    }
}
