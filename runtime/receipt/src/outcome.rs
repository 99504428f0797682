//! The outcome of a run as a function of the job. A host failure is not an outcome: see `error`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `exitCode` after a trap: 128 + SIGABRT, as in shells after an abort.
pub const TRAP_EXIT_CODE: u32 = 134;
/// `exitCode` after a limit: 128 + SIGXCPU, as in shells after the CPU time limit.
pub const LIMIT_EXIT_CODE: u32 = 152;

/// How the guest ended. Equal on every machine, part of a receipt's claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The program returned (0) or called `proc_exit` with this code.
    Exit(u32),
    /// The program trapped.
    Trap(Trap),
    /// A limit of the job ended it.
    Limit(Limit),
}

impl Outcome {
    /// The content of the file `exitCode` in the results directory.
    pub fn exit_code(self) -> u32 {
        match self {
            Self::Exit(code) => code,
            Self::Trap(_) => TRAP_EXIT_CODE,
            Self::Limit(_) => LIMIT_EXIT_CODE,
        }
    }

    /// Whether the program ended with code 0.
    pub fn is_success(self) -> bool {
        self == Self::Exit(0)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "exit {code}"),
            Self::Trap(trap) => write!(f, "trap: {trap}"),
            Self::Limit(limit) => write!(f, "limit: {limit}"),
        }
    }
}

/// Traps of the WebAssembly specification that the accepted proposals can raise, with stable names: engine texts never
/// enter a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Trap {
    /// `unreachable` was executed; what `abort` and a Rust panic compile to.
    Unreachable,
    /// A load, store or bulk operation outside of linear memory.
    MemoryOutOfBounds,
    /// A table access or bulk operation outside of the table.
    TableOutOfBounds,
    /// `call_indirect` of an empty element.
    IndirectCallToNull,
    /// `call_indirect` of a function with another signature.
    BadSignature,
    /// The quotient of an integer division does not fit.
    IntegerOverflow,
    /// An integer was divided by zero.
    DivisionByZero,
    /// A float has no value in the integer type it was converted to.
    BadConversionToInteger,
    /// An exception left the entry point. Since profile V2.
    UncaughtException,
    /// `throw_ref` of a null reference. Since profile V2.
    NullReference,
    /// An atomic operator at an address that is not a multiple of its size. Since profile V2.
    UnalignedAtomic,
    /// `memory.atomic.wait` on a memory that is not shared, or without a timeout, which would never end. Since profile V2.
    WaitOnUnsharedMemory,
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "unreachable (an abort or a panic)",
            Self::MemoryOutOfBounds => "memory access out of bounds",
            Self::TableOutOfBounds => "table access out of bounds",
            Self::IndirectCallToNull => "indirect call to null",
            Self::BadSignature => "indirect call with another signature",
            Self::IntegerOverflow => "integer overflow",
            Self::DivisionByZero => "integer division by zero",
            Self::BadConversionToInteger => "float out of the integer's range",
            Self::UncaughtException => "uncaught exception",
            Self::NullReference => "null reference",
            Self::UnalignedAtomic => "unaligned atomic operator",
            Self::WaitOnUnsharedMemory => "atomic wait that nothing can end, as there is one thread",
        })
    }
}

/// Limits that end a run. Others (tables, open files, path depth, memory in the sandbox) are reported to the guest,
/// which may continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Limit {
    /// Limit `fuel`.
    Fuel,
    /// Limit `stack_bytes`.
    Stack,
    /// Limit `output_bytes`.
    OutputBytes,
    /// Limit `output_files`.
    OutputFiles,
    /// Limit `log_bytes`.
    LogBytes,
    /// Limit `memory_bytes` of a container, which is killed. In the sandbox it is reported to the guest.
    Memory,
}

impl Limit {
    /// The flag of the command line that raises this limit.
    pub fn flag(self) -> &'static str {
        match self {
            Self::Fuel => "--fuel",
            Self::Stack => "--stack",
            Self::OutputBytes => "--output-bytes",
            Self::OutputFiles => "--output-files",
            Self::LogBytes => "--log-bytes",
            Self::Memory => "--memory",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fuel => "out of fuel",
            Self::Stack => "call stack too high",
            Self::OutputBytes => "too many bytes in files",
            Self::OutputFiles => "too many files",
            Self::LogBytes => "too much standard output and error",
            Self::Memory => "out of memory",
        })
    }
}
