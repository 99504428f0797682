//! The compiled forms of one module: the one to begin with, and a better one that may come later.

use std::sync::Arc;
use std::time::Instant;

use crate::compiler::Form;
use crate::optimization::Optimization;

/// The compiled forms of a module.
pub(crate) struct Forms {
    first: Form,
    better: Option<Arc<Optimization>>,
}

impl Forms {
    /// The only form that there will be.
    pub(crate) fn only(first: Form) -> Self {
        Self { first, better: None }
    }

    /// A form to begin with, until `better` is there.
    pub(crate) fn new(first: Form, better: Option<Arc<Optimization>>) -> Self {
        Self { first, better }
    }

    /// The form for a run that begins now.
    pub(crate) fn now(&self) -> &Form {
        self.better.as_ref().and_then(|better| better.form()).unwrap_or(&self.first)
    }

    /// Records the start of a run: a module in use for a while is worth optimizing. Returns the start time.
    #[expect(clippy::disallowed_methods, reason = "when a module is compiled cannot be seen in any result")]
    pub(crate) fn begun(&self) -> Instant {
        if let Some(better) = &self.better {
            better.run_begins();
        }
        Instant::now()
    }

    /// That run has ended.
    pub(crate) fn ended(&self, begun: Instant) {
        if let Some(better) = &self.better {
            better.run_took(begun.elapsed());
        }
    }

    /// Waits until no other form is to come.
    pub(crate) fn settle(&self) {
        if let Some(better) = &self.better {
            better.settle();
        }
    }
}
