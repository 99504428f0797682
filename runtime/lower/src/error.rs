//! Why a component is not lowered.

use std::fmt;

/// Why a component is not lowered. The text names the item and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum LowerError {
    /// The bytes are not a valid component.
    #[error("the component is not valid: {0}")]
    Invalid(String),
    /// The component is valid, but it needs something that jobs do not have.
    #[error("{0}")]
    Unsupported(String),
    /// The component, or what it is lowered to, exceeds a bound.
    #[error("{0}")]
    TooLarge(String),
}

impl LowerError {
    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::Unsupported(message.into())
    }

    pub(crate) fn too_large(what: impl fmt::Display, has: impl fmt::Display, limit: impl fmt::Display) -> Self {
        Self::TooLarge(format!("the component has {has} {what}, more than the limit of {limit}"))
    }

    /// For what validation excludes: an index without an item, for example.
    pub(crate) fn inconsistent(what: &str) -> Self {
        Self::Invalid(format!("{what} is missing"))
    }
}

impl From<wasmparser::Error> for LowerError {
    fn from(error: wasmparser::Error) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl From<wasm_encoder::reencode::Error<LowerError>> for LowerError {
    fn from(error: wasm_encoder::reencode::Error<LowerError>) -> Self {
        match error {
            wasm_encoder::reencode::Error::UserError(error) => error,
            other => Self::Invalid(other.to_string()),
        }
    }
}

pub(crate) type Result<T> = std::result::Result<T, LowerError>;
