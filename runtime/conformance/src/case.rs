//! A case: one call of one export of one module, with its limits, independent of engines.

use bacalhau_runtime::{MAX_STACK_BYTES, instrument};

/// Default stack slots of a case: those of a job, 1 MiB.
pub const DEFAULT_STACK_SLOTS: u64 = (1 << 20) / instrument::SLOT_BYTES;

/// The most slots that a case may have: the native stack is made for these.
pub const MAX_STACK_SLOTS: u64 = MAX_STACK_BYTES / instrument::SLOT_BYTES;

/// One call, on an instance of its own.
#[derive(Clone, Debug)]
pub struct Case {
    /// Unique in its corpus.
    pub name: String,
    /// The module before instrumentation, without imports.
    pub wasm: Vec<u8>,
    /// The export that is called. The start section, if there is one, runs before it.
    pub function: String,
    /// The bits of each argument, in as many low bits as its type has; a vector gets them twice.
    pub args: Vec<i64>,
    /// Fuel for the start section and the call.
    pub fuel: u64,
    /// Slots of the call stack.
    pub stack_slots: u64,
}

impl Case {
    /// A call without arguments of `run`, with fuel and stack that no small program uses up.
    pub fn new(name: impl Into<String>, wasm: Vec<u8>) -> Self {
        Self {
            name: name.into(),
            wasm,
            function: "run".into(),
            args: Vec::new(),
            fuel: 1_000_000_000,
            stack_slots: DEFAULT_STACK_SLOTS,
        }
    }

    /// The module as engines get it.
    ///
    /// # Errors
    ///
    /// Why the pass refuses the module, in words.
    pub fn instrumented(&self) -> Result<Vec<u8>, String> {
        instrument::instrument(&self.wasm).map_err(|refusal| format!("{}: {refusal}", self.name))
    }
}
