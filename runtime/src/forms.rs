//! The compiled forms of one module: the one to begin with, and a better one that may come later. Who makes them is
//! `loader`'s business.

use std::sync::{Arc, OnceLock};

use crate::compiler::Form;

/// A form that is being made. `None` in it: it could not be.
pub(crate) type Coming = Arc<OnceLock<Option<Form>>>;

/// What a module can be run as.
pub(crate) struct Forms {
    first: Form,
    better: Option<Coming>,
}

impl Forms {
    /// The only form that there will be.
    pub(crate) fn only(first: Form) -> Self {
        Self { first, better: None }
    }

    /// A form to begin with, until `better` is there.
    pub(crate) fn until(first: Form, better: Coming) -> Self {
        Self { first, better: Some(better) }
    }

    /// The form for a run that begins now.
    pub(crate) fn now(&self) -> &Form {
        let better = self.better.as_ref().and_then(|coming| coming.get());
        better.and_then(Option::as_ref).unwrap_or(&self.first)
    }

    /// Waits until no other form is to come.
    pub(crate) fn settle(&self) {
        if let Some(coming) = &self.better {
            coming.wait();
        }
    }
}
