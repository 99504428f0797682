//! Operators that the pass replaces by others, so that every engine has them and gives the same answer.

mod relaxed;
mod wait;

use wasm_encoder::Instruction;
use wasmparser::{Operator, ValType};

use super::function::Function;
use super::types::ModuleTypes;
use relaxed::Relaxed;
use wait::Wait;

/// An operator and what stands for it.
pub(super) struct Replaced {
    /// Index of the operator in its function.
    pub(super) operator: usize,
    by: By,
}

enum By {
    Wait(Wait),
    Relaxed(Relaxed),
}

/// The operators of a function that are replaced, in order, dead ones included: engines validate these too.
pub(super) fn plan(function: &Function<'_>, types: ModuleTypes<'_>) -> Vec<Replaced> {
    let operators = function.operators.iter().enumerate();
    operators.filter_map(|(operator, (op, _))| Some(Replaced { operator, by: by(op, types)? })).collect()
}

fn by(operator: &Operator<'_>, types: ModuleTypes<'_>) -> Option<By> {
    let relaxed = || Relaxed::of(operator).map(By::Relaxed);
    Wait::of(operator, types).map(By::Wait).or_else(relaxed)
}

impl Replaced {
    /// The types of the locals that [`code`](Self::code) needs.
    pub(super) fn locals(&self) -> &'static [ValType] {
        match &self.by {
            By::Wait(wait) => wait.locals(),
            By::Relaxed(relaxed) => relaxed.locals(),
        }
    }

    /// The operators that stand for it. `locals` are of the types that [`locals`](Self::locals) says.
    pub(super) fn code(&self, locals: &[u32]) -> Vec<Instruction<'static>> {
        match (&self.by, locals) {
            (By::Wait(wait), [timeout, expected]) => wait.code(*timeout, *expected),
            (By::Wait(_), _) => Vec::new(),
            (By::Relaxed(relaxed), locals) => relaxed.code(locals),
        }
    }
}
