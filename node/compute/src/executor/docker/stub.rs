//! A stub in place of the engine, for builds without the feature `docker`.

use std::path::Path;

use bacalhau_receipt::Receipt;
use bacalhau_runtime::Error;
use bacalhau_tree::HostFailure;

use super::super::EngineError;
use super::Container;
use bacalhau_job::DockerSpec;

/// A container engine; never constructed in this build.
#[derive(Debug)]
pub enum Docker {}

impl Docker {
    /// Returns the error that explains how to get containers.
    ///
    /// # Errors
    /// Always.
    pub fn connect(_host: &str, _dir: &Path) -> Result<Self, HostFailure> {
        Err(HostFailure::new(
            "this program was built without containers: build it with `cargo build --release --features docker`, or let a \
             server that has them run the job, with --api-host and an image by digest",
        ))
    }

    /// Unreachable.
    pub fn about(&self) -> &str {
        match *self {}
    }

    /// Whether this build has containers.
    pub const fn is_built_in() -> bool {
        false
    }

    pub(super) fn check(&self, _spec: &DockerSpec) -> Result<(), EngineError> {
        match *self {}
    }

    /// Unreachable.
    ///
    /// # Errors
    /// Never.
    pub fn resolve(&self, _image: &str) -> Result<String, HostFailure> {
        match *self {}
    }

    /// Unreachable.
    ///
    /// # Errors
    /// Never.
    pub fn run(&self, _container: &Container<'_>) -> Result<Receipt, Error> {
        match *self {}
    }

    /// Unreachable.
    pub fn close(&self) {
        match *self {}
    }
}
