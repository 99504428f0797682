//! Programs of our generators: trees that print as WebAssembly text, with enough types in them to be made smaller.

use std::fmt;

pub use crate::operators::Type;

impl Type {
    /// Zero.
    pub fn zero(self) -> Node {
        match self {
            Self::V128 => Node::value(self, "v128.const i64x2 0 0", []),
            scalar => Node::value(scalar, format!("{}.const 0", scalar.name()), []),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a node is to the one that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Leaves one value: another expression of that type can stand here.
    Value(Type),
    /// Leaves nothing: it can be left out.
    Statement,
    /// Part of the form of its parent, as `then` is: only what is in it can be made smaller.
    Part,
}

/// `(head kids…)`, or the kids alone if there is no head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What stands behind the parenthesis.
    pub head: String,
    /// What it is.
    pub kind: Kind,
    /// What it holds.
    pub kids: Vec<Node>,
}

impl Node {
    /// An expression.
    pub fn value(ty: Type, head: impl Into<String>, kids: impl Into<Vec<Node>>) -> Self {
        Self { head: head.into(), kind: Kind::Value(ty), kids: kids.into() }
    }

    /// A statement.
    pub fn statement(head: impl Into<String>, kids: impl Into<Vec<Node>>) -> Self {
        Self { head: head.into(), kind: Kind::Statement, kids: kids.into() }
    }

    /// A part of its parent.
    pub fn part(head: impl Into<String>, kids: impl Into<Vec<Node>>) -> Self {
        Self { head: head.into(), kind: Kind::Part, kids: kids.into() }
    }

    /// How many nodes it has, with itself.
    pub fn size(&self) -> usize {
        1 + self.kids.iter().map(Self::size).sum::<usize>()
    }

    fn write(&self, out: &mut String, depth: usize) {
        let inner = if self.head.is_empty() { depth } else { depth + 1 };
        if !self.head.is_empty() {
            out.push('(');
            out.push_str(&self.head);
        }
        for (index, kid) in self.kids.iter().enumerate() {
            if !(self.head.is_empty() && index == 0) {
                out.push('\n');
                out.push_str(&" ".repeat(inner));
            }
            kid.write(out, inner);
        }
        if !self.head.is_empty() {
            out.push(')');
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.write(&mut out, 0);
        f.write_str(&out)
    }
}
