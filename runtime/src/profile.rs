//! Every setting that can change a result, as one value with an id. Jobs and receipts carry the id; results under
//! different ids are never compared. It names the rules; `engine`, `gate`, `vfs` and `wasi` implement them.

use serde::Serialize;

use crate::link::Link;

/// The rules under which a result is claimed. Its id is the CID of its canonical DAG-CBOR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Profile {
    /// Short name for people.
    pub name: &'static str,
    /// Whose fuel is counted. With its exact version: wasmtime's fuel changed its meaning four times in 2026.
    pub metering: &'static str,
    /// Accepted WebAssembly proposals beyond the first version of the language.
    pub proposals: &'static [&'static str],
    /// Bits of a NaN that an operation makes.
    pub nan: &'static str,
    /// How the height of the call stack is counted.
    pub stack: &'static str,
    /// Edition of what the guest can see of the world. Raised whenever an answer of `vfs` or `wasi` changes.
    pub world: u32,
    /// Edition of what the limits mean. Raised whenever one is counted in another way.
    pub limits: u32,
}

impl Profile {
    /// The rules of this version. Its metering is still wasmtime's own; `V1` will meter inside the module, so that
    /// fuel no longer depends on the engine.
    pub const V0: Self = Self {
        name: "v0",
        metering: "wasmtime 48.0.8, growing 255 + 255 a page or 24 an element",
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
        nan: "canonical",
        stack: "static frames of 8-byte slots",
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
