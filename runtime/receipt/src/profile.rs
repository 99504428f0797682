//! The profile: every rule that can change a claim, as one value with an id. Jobs and receipts have the id; claims
//! under different ids are never compared. `PROFILE.md` describes the rules for implementers of other engines.
//!
//! The numbers are only here; `instrument`, `gate`, `vfs` and `wasi` implement the rules.

use serde::Serialize;

use bacalhau_tree::Link;

/// The rules under which a result is claimed. The id is the CID of its canonical DAG-CBOR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Profile {
    /// Short name for people.
    pub name: &'static str,
    /// Accepted WebAssembly proposals beyond the first version of the language.
    pub proposals: &'static [&'static str],
    /// Fuel prices.
    pub fuel: Fuel,
    /// Stack prices.
    pub stack: Stack,
    /// Canonical NaNs.
    pub nan: Nan,
    /// Edition of the guest's environment. Increased when a result of `vfs` or `wasi` changes.
    pub world: u32,
    /// Edition of the limits. Increased when one is counted differently.
    pub limits: u32,
    /// Prices of atomic operators, in profiles that have them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub atomics: Option<Atomics>,
    /// Maximum size of a memory in pages, in modules that an older profile does not have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_pages: Option<u64>,
    /// Prices of exceptions, in profiles that have them. Absent from the encoding of V1, whose id it must not change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exceptions: Option<Exceptions>,
    /// Prices of relaxed vector operators that cost more than others, in profiles that have them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relaxed_simd: Option<RelaxedSimd>,
}

/// Prices in units of fuel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Fuel {
    /// Edition of the rules for charging and checking fuel, and for the remainder after a trap.
    pub rules: u32,
    /// An operator, unless listed below.
    pub operator: u64,
    /// Operators that cost nothing.
    pub free: &'static [&'static str],
    /// Entering a function.
    pub entry: u64,
    /// Operators that cost 1 more for each byte or element of their last operand.
    pub sized: &'static [&'static str],
    /// `memory.grow` and `table.grow`, also without success. A refused one takes the host about 50 ns.
    pub grow: u64,
    /// A page of memory growth: one unit a byte, as for `memory.fill`. The host zeroes it on first access (measured: 25
    /// µs for 64 KiB, while a plain operator takes 0.1 to 0.5 ns).
    pub page: u64,
    /// An element of table growth (measured: 7 ns).
    pub element: u64,
    /// A host call on data in memory (measured: 0.1 to 0.5 µs).
    pub call: u64,
    /// A host call that resolves a path, and may open or create a file: some µs.
    pub walk: u64,
    /// A byte moved by a host call.
    pub byte: u64,
    /// A directory entry examined by the host.
    pub directory_entry: u64,
}

/// Prices of atomic operators in units of fuel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Atomics {
    /// A load, store, fence or read-modify-write (measured: 5 to 7 ns).
    pub operator: u64,
    /// `memory.atomic.notify`, which wakes no thread, and `memory.atomic.wait`, which does not wait (measured: 30 ns).
    pub notify: u64,
}

/// Prices of exceptions in units of fuel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Exceptions {
    /// Edition of the rules.
    pub rules: u32,
    /// `throw` and `throw_ref` (measured: 0.4 µs).
    pub throw: u64,
    /// A slot of stack between a throw and its handler, charged at the handler: the engine walks its frames
    /// (measured: 60 ns for one of 7 slots).
    pub unwound_slot: u64,
}

/// Prices of relaxed vector operators in units of fuel: as many as the operators of V1 that each stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct RelaxedSimd {
    /// Edition of the rules: each operator has one meaning.
    pub rules: u32,
    /// `relaxed_madd`: a product and a sum.
    pub madd: u64,
    /// `relaxed_nmadd`: the same and a change of the sign.
    pub nmadd: u64,
    /// `i16x8.relaxed_dot_i8x16_i7x16_s`: two products of bytes that are extended, and a sum.
    pub dot: u64,
    /// `i32x4.relaxed_dot_i8x16_i7x16_add_s`: the same and two sums.
    pub dot_add: u64,
}

/// Price of a function's frame in slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Stack {
    /// Bytes of the job's `stack_bytes` for one slot.
    pub slot_bytes: u64,
    /// Of every frame: return address, frame pointer and registers saved by an engine.
    pub fixed: u64,
    /// Number of computing operators for which a frame has at least one slot: an optimizer may keep values that the
    /// source does not show.
    pub values_per_slot: u64,
    /// Maximum frame of a function without calls that is free.
    pub free_leaf: u64,
}

/// Bits of a NaN that an operation produces, in every lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Nan {
    /// Bits of an `f32` NaN.
    pub f32: u32,
    /// Bits of an `f64` NaN.
    pub f64: u64,
}

impl Profile {
    /// The frozen rules of this version: a test fails when the id changes. Other rules are another profile.
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
        atomics: None,
        memory_pages: None,
        exceptions: None,
        relaxed_simd: None,
    };

    /// V1, and what `proposals` has beside it.
    pub const V2: Self = Self {
        name: "v2",
        proposals: &[
            "bulk-memory",
            "exception-handling with exnref",
            "extended-const",
            "function-references",
            "memory64",
            "multi-memory",
            "multi-value",
            "mutable-global",
            "reference-types",
            "relaxed-simd by its deterministic rules",
            "saturating-float-to-int",
            "sign-extension",
            "simd",
            "tail-call",
            "threads, of which one",
            "wide-arithmetic",
        ],
        fuel: Fuel {
            free: &["block", "drop", "else", "end", "loop", "nop", "return", "try_table", "unreachable"],
            ..Self::V1.fuel
        },
        atomics: Some(Atomics { operator: 20, notify: 100 }),
        memory_pages: Some(65_535),
        world: 2,
        exceptions: Some(Exceptions { rules: 1, throw: 1_000, unwound_slot: 40 }),
        relaxed_simd: Some(RelaxedSimd { rules: 1, madd: 2, nmadd: 3, dot: 9, dot_add: 11 }),
        ..Self::V1
    };

    /// All profiles of this version, oldest first. Each accepts the modules of the ones before it.
    pub const ALL: &'static [Self] = &[Self::V1, Self::V2];

    /// The profile with that id, if this version has it.
    pub fn of(id: &Link) -> Option<&'static Self> {
        Self::ALL.iter().find(|profile| profile.id() == *id)
    }

    /// The CID by which jobs and receipts refer to these rules.
    #[expect(clippy::missing_panics_doc, reason = "cannot panic, as explained below")]
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
    fn profiles_are_found_by_their_ids() {
        for profile in Profile::ALL {
            assert_eq!(Profile::of(&profile.id()), Some(profile));
        }
        assert_eq!(Profile::of(&Link::of_raw(b"another")), None);
    }

    #[test]
    fn the_description_has_the_ids() {
        let description = include_str!("../../PROFILE.md");
        for profile in Profile::ALL {
            assert!(description.contains(&profile.id().to_string()), "{}: {}", profile.name, profile.id());
        }
    }

    #[test]
    fn v1_is_frozen() {
        assert_eq!(
            Profile::V1.id().to_string(),
            "bafyreieczbr6yym7jrjmasi6izzhs55z376ifi52ep5sxbgsufpb7kgdwi",
            "V1 is frozen: receipts in the world name it. Other rules are another profile, V2"
        );
    }
}
