//! Table of the bounds on compilation cost. Each is at least four times the maximum in real modules, but for the
//! number of functions (`PROFILE.md`, "Bounds of this embedding"). They do not affect claims: a rejected module has none.

use std::fmt;

/// A bounded property of a module, which costs compilers more time or memory than its bytes suggest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Bound {
    /// Parameters of one function type.
    Parameters,
    /// Results of one function type.
    Results,
    /// Number of function types.
    Types,
    /// Parameters and results of all function types together.
    TypeArity,
    /// Functions that the module defines.
    Functions,
    /// Parameters and results of all these functions together.
    FunctionArity,
    /// Number of imports.
    Imports,
    /// Number of exports.
    Exports,
    /// Parameters and results of all exported functions together, each as often as it is exported.
    ExportArity,
    /// Elements of all element segments.
    Elements,
    /// Declared locals of one function.
    Locals,
    /// Constructs that are open at once in one function.
    Nesting,
    /// Loops that are open at once in one function.
    LoopNesting,
    /// Loops of one function.
    Loops,
    /// Targets of all `br_table` of one function.
    BranchTargets,
    /// Values that may have to be carried over branches in one function: for each local, the branches, labels and targets up
    /// to its last use.
    CarriedValues,
    /// For each construct of one function, the locals that are assigned in it: values that meet at its label.
    AssignedLocals,
    /// For each loop of one function, the locals that are assigned in it: values that meet at its beginning.
    LoopLocals,
    /// Operands of all calls and branches of one function.
    MovedOperands,
    /// Heights of the operand stack, added up over the operators of one function.
    OperandHeights,
    /// Estimated bytes of machine code of the whole module, counters included.
    MachineCode,
}

/// A row of the table.
pub(super) struct Row {
    pub(super) bound: Bound,
    /// Minimum that is always accepted.
    least: u64,
    /// Additional amount for `of` units of size: bytes of a function, bytes of the module for `Functions`, or the number of
    /// functions or exports for `FunctionArity` and `ExportArity`.
    each: u64,
    of: u64,
    /// Maximum for any size.
    most: u64,
}

const fn fixed(bound: Bound, most: u64) -> Row {
    Row { bound, least: most, each: 0, of: 1, most }
}

/// A bound that grows with the size. Functions below 256 bytes count as 256.
const fn by_size(bound: Bound, each: u64) -> Row {
    capped(bound, (each, 1), u64::MAX)
}

/// A bound that grows with the size, by `each` for `of` units, up to a maximum.
const fn capped(bound: Bound, (each, of): (u64, u64), most: u64) -> Row {
    Row { bound, least: 256 * each / of, each, of, most }
}

/// All bounds.
pub(super) const TABLE: [Row; 21] = [
    fixed(Bound::Parameters, 400),
    fixed(Bound::Results, 32),
    fixed(Bound::Types, 8_000),
    fixed(Bound::TypeArity, 60_000),
    // One for each 64 bytes of the module. An engine keeps some 5 KB for each while it compiles.
    Row { bound: Bound::Functions, least: 300_000, each: 1, of: 64, most: 1_000_000 },
    by_size(Bound::FunctionArity, 18),
    fixed(Bound::Imports, 4_000),
    fixed(Bound::Exports, 320_000),
    by_size(Bound::ExportArity, 16),
    fixed(Bound::Elements, 1_000_000),
    by_size(Bound::Locals, 1),
    fixed(Bound::Nesting, 20_000),
    fixed(Bound::LoopNesting, 800),
    capped(Bound::Loops, (1, 10), 6_000),
    fixed(Bound::BranchTargets, 70_000),
    by_size(Bound::CarriedValues, 160),
    by_size(Bound::AssignedLocals, 5),
    capped(Bound::LoopLocals, (2, 3), 40_000),
    by_size(Bound::MovedOperands, 2),
    by_size(Bound::OperandHeights, 140),
    fixed(Bound::MachineCode, 1_700_000_000),
];

impl Row {
    /// The most that is accepted of something of that size.
    pub(super) fn limit(&self, size: u64) -> u64 {
        self.least.saturating_add(self.each.saturating_mul(size) / self.of).min(self.most)
    }
}

impl Bound {
    /// The most that is accepted of something of that size: the bytes of a function or module, or how many functions or exports
    /// there are.
    pub(super) fn limit(self, size: u64) -> u64 {
        TABLE.iter().find(|row| row.bound == self).map_or(0, |row| row.limit(size))
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Parameters => "parameters of a function type",
            Self::Results => "results of a function type",
            Self::Types => "function types",
            Self::TypeArity => "parameters and results of all function types",
            Self::Functions => "functions",
            Self::FunctionArity => "parameters and results of all functions",
            Self::Imports => "imports",
            Self::Exports => "exports",
            Self::ExportArity => "parameters and results of all exported functions",
            Self::Elements => "elements of all segments",
            Self::Locals => "locals of a function",
            Self::Nesting => "nested constructs of a function",
            Self::LoopNesting => "nested loops of a function",
            Self::Loops => "loops of a function",
            Self::BranchTargets => "targets of br_table in a function",
            Self::CarriedValues => "locals of a function by the branches up to their last use",
            Self::AssignedLocals => "locals of a function by the constructs that they are assigned in",
            Self::LoopLocals => "locals of a function by the loops that they are assigned in",
            Self::MovedOperands => "operands of the calls and branches of a function",
            Self::OperandHeights => "heights of the operand stack over the operators of a function",
            Self::MachineCode => "bytes of machine code (estimated)",
        })
    }
}

/// By how much a module is over a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excess {
    /// The exceeded bound.
    pub bound: Bound,
    /// Index of the function, or of the type for [`Bound::Parameters`] and [`Bound::Results`]; none where the module as a whole is meant.
    pub index: Option<u32>,
    /// The measured value, or a lower bound of it: counting stops at the limit.
    pub measured: u64,
    /// How much is accepted.
    pub limit: u64,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bound, index, measured, limit } = self;
        match (bound, index) {
            (Bound::Parameters | Bound::Results, Some(index)) => write!(f, "type {index}: ")?,
            (_, Some(index)) => write!(f, "function {index}: ")?,
            (_, None) => {}
        }
        write!(f, "{bound}: {measured}, and the limit is {limit}")
    }
}
