//! The one error of the gate: a sentence that names the item and the way out, and a kind for programs.

use bacalhau_receipt::JobError;
use bacalhau_tree::InputError;

use super::bounds::Excess;

/// Why a module or job is rejected. Every machine rejects it with the same text, and nothing was run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    kind: RefusalKind,
    message: String,
}

/// Category of a rejection, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalKind {
    /// The module has more bytes than the job allows.
    TooLarge,
    /// It would cost far more to compile than its size lets expect.
    Bound(Excess),
    /// The bytes are not a core WebAssembly module, or truncated.
    NotAModule,
    /// A WebAssembly module that breaks the rules of the language.
    Invalid,
    /// A valid module that uses a proposal which jobs do not have.
    Proposal,
    /// It imports something other than WASI preview 1.
    Import,
    /// It exports a reserved name, or lacks an export that WASI needs.
    Export,
    /// A valid module that the engine cannot compile, such as one with a function that is too large for it.
    Compilation,
    /// The entry point is not there or cannot be called.
    EntryPoint,
    /// The job around the module is at fault.
    Job,
    /// An input does not exist on any machine.
    Absent,
    /// An input has content that is invalid on every machine.
    Input,
}

impl Refusal {
    pub(crate) fn new(kind: RefusalKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// A rejection of the job. `message` is a complete sentence: what, which, what to do.
    pub fn job(message: impl Into<String>) -> Self {
        Self::new(RefusalKind::Job, message)
    }

    /// A rejection of the module, found by another process. `message` is a complete sentence: what, which, what to do.
    pub fn module(message: impl Into<String>) -> Self {
        Self::new(RefusalKind::Compilation, message)
    }

    /// A rejection of an input, for `error`, with `message`.
    pub(crate) fn input(error: &InputError, message: &str) -> Self {
        let kind = match error {
            InputError::Absent(_) => RefusalKind::Absent,
            InputError::Unusable(_) => RefusalKind::Input,
        };
        Self::new(kind, message)
    }

    /// The category.
    pub fn kind(&self) -> RefusalKind {
        self.kind
    }
}

impl From<JobError> for Refusal {
    fn from(error: JobError) -> Self {
        Self::job(error.to_string())
    }
}

/// A name out of a module, fit for a terminal: quoted, control characters escaped, cut when very long.
pub(crate) fn quote(name: &str) -> String {
    const MOST: usize = 120;
    match name.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}…", &name[..end]),
        None => format!("{name:?}"),
    }
}
