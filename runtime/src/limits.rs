//! Every bound on a run, its unit in the name, with its default and where the number comes from.
//! Enforcing them is the business of the rooms that own the resource.

use bacalhau_tree::MAX_PATH_DEPTH;
use serde::{Deserialize, Serialize};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// The largest `stack_bytes` that a job may ask for. The native stack reserved for a run is 64 times as large, so
/// that the guest's own bound is always met first (see `instrument`).
pub const MAX_STACK_BYTES: u64 = 8 * MIB;

/// The largest `memory_bytes`: what 32-bit WebAssembly can address.
pub const MAX_MEMORY_BYTES: u64 = 4 * GIB;

/// The least of [`Limits::host_bytes`].
const HOST_FLOOR_BYTES: u64 = 64 * MIB;

/// What a run may use. All of it is part of the job: the guest meets the same walls on every machine.
///
/// The wall clock is not here. It is the host's watchdog, not a property of the job.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Units of fuel, about one per WebAssembly operator. Default 100 000 000 000: some 10 to 50 seconds of one core
    /// (0.1 to 0.5 ns a unit, measured on x86-64). Reaching it ends the run with code 152.
    pub fuel: u64,
    /// All linear memories together. Default 512 MiB, as in later Bacalhau. `memory.grow` past it answers -1.
    pub memory_bytes: u64,
    /// Elements of all tables together. Default 1 000 000 (a 25 MB program needs some 50 000). `table.grow` past it
    /// answers -1.
    pub table_elements: u64,
    /// Height of the call stack: locals and operands of every active function in slots of 8 bytes. Default 1 MiB, at
    /// most [`MAX_STACK_BYTES`]. Reaching it ends the run with code 152.
    pub stack_bytes: u64,
    /// Bytes held in files that the program wrote, deleted ones not counted. Default 1 GiB. Reaching it ends the run
    /// with code 152.
    pub output_bytes: u64,
    /// Files, directories and links that exist because the program made them. Default 100 000. Reaching it ends the
    /// run with code 152.
    pub output_files: u64,
    /// Directories on top of each other, counted from `/`. Default 64, at most [`MAX_PATH_DEPTH`]. Past it the program sees `ENAMETOOLONG`.
    pub path_depth: u64,
    /// Bytes of standard output and standard error together. Default 64 MiB. Reaching it ends the run with code 152.
    pub log_bytes: u64,
    /// Descriptors open at once, the standard three and `/` included. Default 1024, the usual soft `ulimit -n`. Past
    /// it the program sees `EMFILE`.
    pub open_files: u64,
    /// Size of the module in its binary form. Default 256 MiB. A larger module is refused before it is read further.
    pub module_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 100_000_000_000,
            memory_bytes: 512 * MIB,
            table_elements: 1_000_000,
            stack_bytes: MIB,
            output_bytes: GIB,
            output_files: 100_000,
            path_depth: 64,
            log_bytes: 64 * MIB,
            open_files: KIB,
            module_bytes: 256 * MIB,
        }
    }
}

impl Limits {
    /// Host memory that one run may have kept beside its linear memories, where the host does not set another number: nodes and
    /// names of files, link targets, listings, descriptors, small files, tables. 64 MiB and half of `memory_bytes`. It is the
    /// host's bound and no part of the job: past it a run is a failure of the host.
    pub fn host_bytes(&self) -> u64 {
        HOST_FLOOR_BYTES + self.memory_bytes / 2
    }

    /// Says which bound is outside of what this runtime can promise, and what is possible.
    pub(crate) fn check(&self) -> Result<(), String> {
        let bounded = [
            ("stack_bytes", self.stack_bytes, MAX_STACK_BYTES),
            ("memory_bytes", self.memory_bytes, MAX_MEMORY_BYTES),
            ("path_depth", self.path_depth, MAX_PATH_DEPTH),
            // The engine's counter is a signed 64-bit number.
            ("fuel", self.fuel, i64::MAX.unsigned_abs()),
        ];
        for (name, value, most) in bounded {
            if value > most {
                return Err(format!("limit {name} is {value}; at most {most} is possible"));
            }
        }
        if self.open_files < 5 {
            return Err(format!("limit open_files is {}; a program needs at least 5", self.open_files));
        }
        Ok(())
    }
}
