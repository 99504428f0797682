//! A module as a few numbers and a tree: compact enough for a corpus, and valid for all numbers.

use serde::{Deserialize, Serialize};

/// A module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// Unused types, all different.
    pub types: u32,
    /// Parameters of each function and of each unused type.
    pub params: u32,
    /// Results of each function.
    pub results: u32,
    /// Functions with this body.
    pub functions: u32,
    /// Whether each of them is exported.
    pub exported: bool,
    /// Declared locals.
    pub locals: u32,
    /// Of which type they, parameters, results and most operands are.
    pub kind: Kind,
    /// The body.
    pub body: Vec<Node>,
}

/// A type of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names of types")]
pub enum Kind {
    I32,
    I64,
    F32,
    F64,
    V128,
}

/// A construct.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names of constructs")]
pub enum Construct {
    Block,
    Loop,
    If,
}

/// A piece of a body, which leaves the operands as they were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Node {
    /// The same pieces, repeated.
    Repeat(u32, Vec<Node>),
    /// Pieces nested in this number of constructs.
    Inside(Construct, u32, Vec<Node>),
    /// Pieces above this number of operands, from constants or from locals.
    Above(u32, bool, Vec<Node>),
    /// This number of locals, each changed by an operator, in turn.
    Locals(u32, u8),
    /// This number of operators on a value that is then used.
    Operators(u32, u8),
    /// This number of calls, each with the results of the one before.
    Calls(u32, bool),
    /// This number of conditional branches, each out of this number of constructs.
    Branches(u32, u32),
    /// A branch table whose targets alternate between this number of constructs.
    Table(u32, u32),
    /// This number of accesses to memory or of operators that call the host.
    Memory(u32, u8),
}
