//! The source of a job's module on this node, parsed once for an execution.

use std::io;

use bacalhau_tree::{HostFailure, InputError};

use bacalhau_storage::{Source, SourceError, Sources};

/// A source of a module and its text in the job.
#[derive(Debug)]
pub(super) struct ModuleSource {
    text: String,
    parsed: Result<Source, SourceError>,
}

impl ModuleSource {
    /// Parses `text`. With unrestricted local paths it accesses the disk, which may block indefinitely.
    pub(super) fn parse(sources: &Sources, text: String) -> Self {
        let parsed = sources.parse(&text);
        Self { text, parsed }
    }

    /// The parsed source.
    ///
    /// # Errors
    /// When the text is not a valid source here. A module that is compiled already does not need one.
    pub(super) fn get(&self) -> Result<&Source, HostFailure> {
        self.parsed.as_ref().map_err(unreadable)
    }

    /// The text for a receipt: without a password in a URL.
    pub(super) fn recorded(&self) -> String {
        self.parsed.as_ref().map_or_else(|_| self.text.clone(), Source::recorded)
    }
}

/// A source that no node can read is the job's fault; a missing path is this machine's.
pub(super) fn unreadable(error: &SourceError) -> HostFailure {
    match error {
        SourceError::Missing { .. } => HostFailure::new(error.to_string()),
        error => HostFailure::of(io::Error::other(InputError::Unusable(error.to_string()))),
    }
}
