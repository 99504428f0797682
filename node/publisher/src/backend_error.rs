//! Why a step of a publication at a market, a chain node or a PDP node failed.

use std::time::Duration;

/// Why a step failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// Temporary: the network, an overloaded or failing server, a node that is behind the chain.
    #[error("{why}")]
    Later {
        /// The error.
        why: String,
        /// Pause that the server requests.
        after: Option<Duration>,
    },
    /// Permanent: the deal ends here.
    #[error("{why}: {todo}")]
    Never {
        /// The error.
        why: String,
        /// What to do.
        todo: String,
    },
}

impl BackendError {
    /// A temporary error.
    pub fn later(why: impl Into<String>) -> Self {
        Self::Later { why: why.into(), after: None }
    }

    /// A permanent error with advice.
    pub fn never(why: impl Into<String>, todo: impl Into<String>) -> Self {
        Self::Never { why: why.into(), todo: todo.into() }
    }
}
