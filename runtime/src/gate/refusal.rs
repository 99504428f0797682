//! The one error of the gate: a sentence that names the item and the way out, and a kind for programs.

use bacalhau_tree::InputError;

use super::bounds::Excess;

/// Why a module or a job cannot be run here. Every machine refuses it with the same words, and nothing was run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    kind: RefusalKind,
    message: String,
}

/// What a refusal is about, for programs that want to react to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalKind {
    /// The module has more bytes than the job allows.
    TooLarge,
    /// It would cost far more to compile than its size lets expect.
    Bound(Excess),
    /// The bytes are no core WebAssembly module: something else, or only the beginning of one.
    NotAModule,
    /// A WebAssembly module that breaks the rules of the language.
    Invalid,
    /// A valid module that uses a proposal which jobs do not have.
    Proposal,
    /// It imports something other than WASI preview 1.
    Import,
    /// It exports a reserved name, or not what WASI needs.
    Export,
    /// A valid module that the engine cannot compile, such as one with a function that is too large for it.
    Compilation,
    /// The entry point is not there or cannot be called.
    EntryPoint,
    /// The job around the module is at fault.
    Job,
    /// An input names what is not there, on any machine.
    Absent,
    /// An input holds what no machine could be given.
    Input,
}

impl Refusal {
    pub(crate) fn new(kind: RefusalKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// A refusal of the job rather than of the module. `message` is a whole sentence: what, which, what to do.
    pub fn job(message: impl Into<String>) -> Self {
        Self::new(RefusalKind::Job, message)
    }

    /// A refusal of the module, as another process has found it. `message` is a whole sentence: what, which, what to do.
    pub fn module(message: impl Into<String>) -> Self {
        Self::new(RefusalKind::Compilation, message)
    }

    /// A refusal of an input, for `error`, as it is said in `message`.
    pub(crate) fn input(error: &InputError, message: &str) -> Self {
        let kind = match error {
            InputError::Absent(_) => RefusalKind::Absent,
            InputError::Unusable(_) => RefusalKind::Input,
        };
        Self::new(kind, message)
    }

    /// What it is about.
    pub fn kind(&self) -> RefusalKind {
        self.kind
    }
}

/// A name out of a module, fit for a terminal: quoted, control characters escaped, cut when very long.
pub(super) fn quote(name: &str) -> String {
    const MOST: usize = 120;
    match name.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}…", &name[..end]),
        None => format!("{name:?}"),
    }
}
