//! Why a step of a publication failed.

/// Why a step of a publication failed. It is retried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// The entry belongs to another publisher: an internal error.
    #[error("{0}")]
    OtherPublisher(&'static str),
    /// The service, the network or the store failed; with their error.
    #[error("{0}")]
    Temporary(String),
}
