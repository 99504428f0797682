//! The outcome of a case as text that is comparable between engines and machines.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// `end` of a call that returned.
pub const RETURN: &str = "return";
/// `end` when the fuel was used up.
pub const OUT_OF_FUEL: &str = "out of fuel";
/// `end` when the slots of the call stack were.
pub const STACK_FULL: &str = "stack full";
/// How `end` begins when the guest trapped.
pub const TRAP: &str = "trap ";
/// `end` of a call that went outside of a memory.
pub const MEMORY_OUT_OF_BOUNDS: &str = "trap memory-out-of-bounds";
/// How `end` begins when the engine failed, which is never equal to anything.
pub const HOST: &str = "host: ";

/// Everything that must be equal wherever the case is run. Fields are in the order of their names, so JSON is canonical.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Name of the case.
    pub case: String,
    /// How it ended: [`RETURN`], [`OUT_OF_FUEL`], [`STACK_FULL`], or text that begins with [`TRAP`] or [`HOST`].
    pub end: String,
    /// Fuel used; after a trap up to the last checkpoint.
    pub fuel: u64,
    /// Bits of the exported mutable globals when it was over.
    pub globals: BTreeMap<String, String>,
    /// Of all exported memories when it was over: see [`MemoryDigest`]. Of none after [`MEMORY_OUT_OF_BOUNDS`].
    pub memory: String,
    /// Bits of the results; none unless it returned.
    pub results: Vec<String>,
}

impl Claim {
    /// Leaves out the memory after a trap in it. A store that lies partly outside has written the part inside on some
    /// processors (seen: a vector on aarch64, under emulation), which no guest and no real claim can show.
    pub(crate) fn forget_torn_store(&mut self) {
        if self.end == MEMORY_OUT_OF_BOUNDS {
            self.memory = MemoryDigest::default().finish();
        }
    }

    /// One line of JSON, without its end.
    #[expect(clippy::missing_panics_doc, reason = "cannot panic, as explained below")]
    pub fn line(&self) -> String {
        #[expect(clippy::expect_used, reason = "strings and numbers always encode")]
        serde_json::to_string(self).expect("a claim encodes")
    }
}

/// SHA-256 over the name, size and bytes of memories, which have to come in the order of their names.
#[derive(Debug, Default)]
pub struct MemoryDigest(Sha256);

impl MemoryDigest {
    /// Adds the next memory.
    pub fn add(&mut self, name: &str, bytes: &[u8]) {
        self.0.update(format!("{name} {}\n", bytes.len()));
        self.0.update(bytes);
    }

    /// The digest in hexadecimal.
    pub fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
