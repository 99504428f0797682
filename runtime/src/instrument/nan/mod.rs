//! Makes NaNs canonical inside the module, but only those whose bits somebody looks at.
//!
//! The standard leaves the bits of a NaN that arithmetic makes to the processor. The rule of the profile: such a NaN is
//! `0x7fc00000` or `0x7ff8000000000000`, positive, in every lane. Making each result canonical at once (what Cranelift's
//! own switch does) costs up to four times in tight loops, and most results only go into more arithmetic, which does not
//! care. So a result is left as it is until its bits count: when it is stored, passed, returned, put into a global or
//! taken apart. `floats` says which operator does what, `flow` follows the values, `graph` decides.
//!
//! What can be seen is bit by bit what it would be if each result were made canonical at once.

mod floats;
mod flow;
mod graph;
mod merge;

pub(super) use floats::Shape;
pub(super) use graph::Canonical;

use super::blocks::Blocks;
use super::function::Function;
use super::types::Signatures;
use floats::Effect;

/// Where the function has to make a value canonical, in the order of its text.
pub(super) fn plan(function: &Function<'_>, blocks: &Blocks, signatures: Signatures<'_>) -> Vec<Canonical> {
    let computed = || {
        let each = function.operators.iter().enumerate();
        each.filter_map(|(operator, (op, _))| match floats::effect(op) {
            Effect::Compute(_, _, shape) => Some(Canonical { operator, shape, negative: false }),
            _ => None,
        })
    };
    if computed().next().is_none() {
        return Vec::new();
    }
    match flow::graph(function, blocks, signatures) {
        Some(graph) => graph.solve(),
        // Too much to follow: each result at once, as Cranelift would. What is dead is harmless.
        None => computed().collect(),
    }
}

#[cfg(test)]
mod tests;
