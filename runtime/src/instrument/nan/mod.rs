//! Makes NaNs canonical inside the module, but only those whose bits are observed.
//!
//! The standard leaves the bits of an arithmetic NaN to the processor. Rule of the profile: such a NaN is `0x7fc00000`
//! or `0x7ff8000000000000`, positive, in every lane. Canonicalizing each result at once (Cranelift's own switch) costs
//! up to four times in tight loops, and most results only go into more arithmetic, which does not depend on them. So a
//! result is unchanged until its bits count: when it is stored, passed, returned, put into a global or reinterpreted.
//! `floats` classifies operators, `flow` follows values, `graph` decides.
//!
//! Observable bits are those of canonicalizing each result at once.

mod floats;
mod flow;
mod graph;
mod merge;

pub(super) use floats::Shape;
pub(super) use graph::Canonical;

use super::blocks::Blocks;
use super::function::Function;
use super::types::ModuleTypes;
use floats::Effect;

/// Where the function has to make a value canonical, in the order of its text.
pub(super) fn plan(function: &Function<'_>, blocks: &Blocks, types: ModuleTypes<'_>) -> Vec<Canonical> {
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
    // An exception may leave between any two operators, with the locals as they are there.
    let graph = if blocks.catches { None } else { flow::graph(function, blocks, types) };
    match graph {
        Some(graph) => graph.solve(),
        // Not followed, or too large to follow: each result at once, as in Cranelift. Dead code is harmless.
        None => computed().collect(),
    }
}

#[cfg(test)]
mod tests;
