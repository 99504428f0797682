//! Every rule that can change a claim, as one value with an id. Jobs and receipts carry the id; claims under different ids
//! are never compared. `PROFILE.md` says the same in words, for who wants to implement it on another engine.
//!
//! The numbers are here and nowhere else; `instrument`, `gate`, `vfs` and `wasi` take them from here and implement the rules.

use serde::Serialize;

use bacalhau_tree::Link;

/// The rules under which a result is claimed. Its id is the CID of its canonical DAG-CBOR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Profile {
    /// Short name for people.
    pub name: &'static str,
    /// Accepted WebAssembly proposals beyond the first version of the language.
    pub proposals: &'static [&'static str],
    /// What a run is charged.
    pub fuel: Fuel,
    /// How high the call stack is.
    pub stack: Stack,
    /// Which NaN an operation makes.
    pub nan: Nan,
    /// Edition of what the guest can see of the world. Another one whenever an answer of `vfs` or `wasi` changes.
    pub world: u32,
    /// Edition of what the limits mean. Another one whenever one is counted in another way.
    pub limits: u32,
}

/// Prices in units of fuel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Fuel {
    /// Edition of the rules for where fuel is taken, where it is looked at, and what is left after a trap.
    pub rules: u32,
    /// An operator, unless it is named below.
    pub operator: u64,
    /// Operators that cost nothing.
    pub free: &'static [&'static str],
    /// Entering a function.
    pub entry: u64,
    /// Operators that cost 1 more for each byte or element of their last operand.
    pub sized: &'static [&'static str],
    /// `memory.grow` and `table.grow`, whatever they answer. One that is refused takes the host some 50 ns.
    pub grow: u64,
    /// A page that a memory has grown by: one unit a byte, as for `memory.fill`. The host hands it out zeroed when it is
    /// touched (measured: 25 µs for 64 KiB, while a plain operator takes 0.1 to 0.5 ns).
    pub page: u64,
    /// An element that a table has grown by (measured: 7 ns).
    pub element: u64,
    /// A call of the host that works on what is in memory (measured: 0.1 to 0.5 µs).
    pub call: u64,
    /// A call of the host that walks a path, and may open or make a file: some µs.
    pub walk: u64,
    /// A byte that a call of the host moves.
    pub byte: u64,
    /// A directory entry that the host has to look at.
    pub directory_entry: u64,
}

/// The price of a function's frame, in slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Stack {
    /// Bytes of the job's `stack_bytes` that one slot takes.
    pub slot_bytes: u64,
    /// Every frame: return address, frame pointer and what an engine saves.
    pub fixed: u64,
    /// For every so many operators that compute something, a frame has at least one slot: an optimiser may keep what no
    /// source that holds few values would show.
    pub values_per_slot: u64,
    /// The largest frame of a function without calls that costs nothing.
    pub free_leaf: u64,
}

/// The bits of a NaN that an operation makes, in every lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Nan {
    /// `f32`.
    pub f32: u32,
    /// `f64`.
    pub f64: u64,
}

impl Profile {
    /// The rules of this version, frozen: a test fails when its id changes. Other rules are another profile, `V2`.
    pub const V1: Self = Self {
        name: "v1",
        proposals: &[
            "bulk-memory",
            "extended-const",
            "multi-memory",
            "multi-value",
            "mutable-global",
            "reference-types without externref",
            "saturating-float-to-int",
            "sign-extension",
            "simd",
            "tail-call",
        ],
        fuel: Fuel {
            rules: 1,
            operator: 1,
            free: &["block", "drop", "else", "end", "loop", "nop", "return", "unreachable"],
            entry: 1,
            sized: &["memory.copy", "memory.fill", "memory.init", "table.copy", "table.fill", "table.init"],
            grow: 255,
            page: 65_536,
            element: 24,
            call: 1_000,
            walk: 10_000,
            byte: 1,
            directory_entry: 500,
        },
        stack: Stack { slot_bytes: 8, fixed: 4, values_per_slot: 32, free_leaf: 128 },
        nan: Nan { f32: 0x7fc0_0000, f64: 0x7ff8_0000_0000_0000 },
        world: 1,
        limits: 1,
    };

    /// The CID by which jobs and receipts name these rules.
    #[expect(clippy::missing_panics_doc, reason = "it does not panic, as said below")]
    pub fn id(&self) -> Link {
        #[expect(clippy::expect_used, reason = "strings and numbers in a struct always encode")]
        let bytes = serde_ipld_dagcbor::to_vec(self).expect("a profile encodes");
        Link::of_dag_cbor(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v1_is_frozen() {
        assert_eq!(
            Profile::V1.id().to_string(),
            "bafyreieczbr6yym7jrjmasi6izzhs55z376ifi52ep5sxbgsufpb7kgdwi",
            "V1 is frozen: receipts in the world name it. Other rules are another profile, V2"
        );
    }
}
