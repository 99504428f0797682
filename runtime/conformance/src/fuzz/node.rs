//! Programs of our generators: trees that print as WebAssembly text, with enough types in them to be made smaller.

use std::fmt;

pub use crate::operators::Type;

impl Type {
    /// The zero of this type.
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

/// The role of a node in its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Has one result: another expression of that type may replace it.
    Value(Type),
    /// Has no result: it may be removed.
    Statement,
    /// Part of the form of its parent, as `then` is: only its children can be reduced.
    Part,
}

/// `(head kids…)`, or only the children if there is no head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Text after the parenthesis.
    pub head: String,
    /// Role of the node.
    pub kind: Kind,
    /// Children.
    pub kids: Vec<Node>,
}

impl Node {
    /// A node for an expression.
    pub fn value(ty: Type, head: impl Into<String>, kids: impl Into<Vec<Node>>) -> Self {
        Self { head: head.into(), kind: Kind::Value(ty), kids: kids.into() }
    }

    /// A node for a statement.
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
