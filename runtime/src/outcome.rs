//! How a run ended, as far as that is a function of the job. A failure of the host is not an outcome: see `error`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `exitCode` of a run that trapped: 128 + SIGABRT, what a shell reports for a program that aborted.
pub const TRAP_EXIT_CODE: u32 = 134;
/// `exitCode` of a run that a limit ended: 128 + SIGXCPU, what a shell reports for a program out of its CPU time.
pub const LIMIT_EXIT_CODE: u32 = 152;

/// How the guest ended. Equal on every machine, part of a receipt's claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The program returned (0) or called `proc_exit` with this code.
    Exit(u32),
    /// The program did what WebAssembly forbids.
    Trap(Trap),
    /// A limit of the job ended it.
    Limit(Limit),
}

impl Outcome {
    /// What the file `exitCode` of the results directory holds, in decimal.
    pub fn exit_code(self) -> u32 {
        match self {
            Self::Exit(code) => code,
            Self::Trap(_) => TRAP_EXIT_CODE,
            Self::Limit(_) => LIMIT_EXIT_CODE,
        }
    }

    /// Whether the program ended of itself with code 0.
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

/// The traps of the WebAssembly specification that the accepted proposals can raise, under our own stable names:
/// text of an engine never enters a result.
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
    /// `call_indirect` of an element that holds no function.
    IndirectCallToNull,
    /// `call_indirect` of a function with another signature.
    BadSignature,
    /// The quotient of an integer division does not fit.
    IntegerOverflow,
    /// An integer was divided by zero.
    DivisionByZero,
    /// A float has no value in the integer type it was converted to.
    BadConversionToInteger,
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
        })
    }
}

/// The limits that end a run. The others (tables, open files, path depth, in the sandbox memory) are told to the guest,
/// which may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Limit {
    /// `fuel`
    Fuel,
    /// `stack_bytes`
    Stack,
    /// `output_bytes`
    OutputBytes,
    /// `output_files`
    OutputFiles,
    /// `log_bytes`
    LogBytes,
    /// `memory_bytes`, in a container: there, what asks for more is killed. In the sandbox it is told.
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
