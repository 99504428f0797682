//! Components: lowers one to the core module that its job names.

use bacalhau_runtime::{HostFailure, Link};

use super::data;
use super::exit::Failure;
use super::progress_output::Ui;
use super::text;
use bacalhau_files::temporary::{self, TempFile};
use bacalhau_lower::{LowerError, is_component, lower};
use bacalhau_storage::{Source, Sources};

/// A program as it was read: a module, binary or text.
pub(super) struct Program {
    /// The module; if the program was a component, what it was lowered to.
    pub(super) bytes: Vec<u8>,
    /// CID of the component, if it was one.
    pub(super) component: Option<Link>,
}

impl Program {
    /// Lowers the bytes if they are a component.
    ///
    /// # Errors
    /// When a component cannot be lowered.
    pub(super) fn of(bytes: Vec<u8>, max_bytes: u64) -> Result<Self, LowerError> {
        if !is_component(&bytes) {
            return Ok(Self { bytes, component: None });
        }
        let component = Link::of_raw(&bytes);
        Ok(Self { bytes: lower(&bytes, max_bytes)?, component: Some(component) })
    }

    /// Writes the module that a component was lowered to into a temporary file, for a server to take. `None` if it was a
    /// module, which has a place.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write_lowered(&self) -> Result<Option<TempFile>, HostFailure> {
        let dir = std::env::temp_dir();
        let failed = |error| HostFailure::at("write the lowered module into", &dir, error);
        self.component.map(|_| temporary::written_in(&dir, &self.bytes).map_err(failed)).transpose()
    }
}

/// Reads a program of at most `max_bytes`, and says so if it was a component.
///
/// # Errors
/// When it cannot be read or fetched, is a directory, or is larger; when a component cannot be lowered.
pub(super) fn read(sources: &Sources, ui: &Ui, source: &Source, max_bytes: u64) -> Result<Program, Failure> {
    let bytes = data::read_module(sources, ui, source, max_bytes)?;
    let program = Program::of(bytes, max_bytes).map_err(|error| Failure::refused(format!("{source}: {error}")))?;
    if let Some(component) = &program.component {
        let size = text::bytes(program.bytes.len() as u64);
        ui.say(format!("lowered the component {} ({component}) to a module of {size}", source.recorded()));
    }
    Ok(program)
}
