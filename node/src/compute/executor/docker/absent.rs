//! In place of the engine, where the program was built without the feature `docker`.

use std::path::Path;

use bacalhau_runtime::{Error, HostFailure, Receipt};

use super::Container;
use crate::job::DockerSpec;

/// An engine for containers: there is none in this program.
#[derive(Debug)]
pub enum Docker {}

impl Docker {
    /// Says how to get a program that has containers.
    ///
    /// # Errors
    /// Always.
    pub fn connect(_host: &str, _dir: &Path) -> Result<Self, HostFailure> {
        Err(HostFailure::new(
            "this program was built without containers: build it with `cargo build --release --features docker`, or let a \
             server that has them run the job, with --api-host and an image by digest",
        ))
    }

    /// Never called.
    pub fn about(&self) -> &str {
        match *self {}
    }

    /// Whether this program has containers at all.
    pub const fn is_built_in() -> bool {
        false
    }

    pub(super) fn check(&self, _spec: &DockerSpec) -> Result<(), String> {
        match *self {}
    }

    /// Never called.
    ///
    /// # Errors
    /// Never.
    pub fn resolve(&self, _image: &str) -> Result<String, HostFailure> {
        match *self {}
    }

    /// Never called.
    ///
    /// # Errors
    /// Never.
    pub fn run(&self, _container: &Container<'_>) -> Result<Receipt, Error> {
        match *self {}
    }

    /// Never called.
    pub fn close(&self) {
        match *self {}
    }
}
