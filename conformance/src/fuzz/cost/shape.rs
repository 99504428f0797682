//! A module as a few numbers and a tree: short enough for a corpus, and valid whatever the numbers are.

use serde::{Deserialize, Serialize};

/// A module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// Types that nothing uses, no two of them equal.
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
    /// The same pieces several times.
    Repeat(u32, Vec<Node>),
    /// Pieces in so many constructs.
    Inside(Construct, u32, Vec<Node>),
    /// Pieces above so many operands, from constants or from locals.
    Above(u32, bool, Vec<Node>),
    /// So many locals, each changed by an operator. Which ones goes round.
    Locals(u32, u8),
    /// So many operators on a value, which is looked at then.
    Operators(u32, u8),
    /// So many calls, each with the results of the one before.
    Calls(u32, bool),
    /// So many conditional branches, so many constructs out.
    Branches(u32, u32),
    /// A table of branches, which go to so many constructs in turn.
    Table(u32, u32),
    /// So many accesses to memory or operators that the host takes part in.
    Memory(u32, u8),
}
