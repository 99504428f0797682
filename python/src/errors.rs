//! Our errors as the exceptions of `bacalhau.errors`.

use std::fmt::Display;

use bacalhau_runtime::{Error, HostFailure};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// The classes of `bacalhau.errors` that this module raises.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Class {
    Refused,
    Host,
    TimedOut,
    Cancelled,
    Verification,
}

impl Class {
    fn name(self) -> &'static str {
        match self {
            Self::Refused => "Refused",
            Self::Host => "HostError",
            Self::TimedOut => "TimedOut",
            Self::Cancelled => "Cancelled",
            Self::Verification => "VerificationError",
        }
    }

    /// The exception of this class with the text of `error`.
    pub(crate) fn of(self, error: &dyn Display) -> PyErr {
        let text = error.to_string();
        Python::attach(|py| {
            let made = py.import("bacalhau.errors").and_then(|module| module.getattr(self.name())?.call1((&text,)));
            made.map_or_else(|_| PyRuntimeError::new_err(text), PyErr::from_value)
        })
    }
}

/// The exception of a failure of this machine.
pub(crate) fn host(failure: &HostFailure) -> PyErr {
    let class = match failure {
        _ if failure.is_timeout() => Class::TimedOut,
        _ if failure.is_cancelled() => Class::Cancelled,
        _ => Class::Host,
    };
    class.of(failure)
}

/// The exception of an error of the runtime.
pub(crate) fn exception(error: &Error) -> PyErr {
    match error {
        Error::Refused(refusal) => Class::Refused.of(refusal),
        Error::Host(failure) => host(failure),
    }
}
