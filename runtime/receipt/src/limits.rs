//! Limits of a run, with unit in the name, default, and the origin of the number. The owners of the resources enforce
//! them.

use bacalhau_tree::MAX_PATH_DEPTH;
use serde::{Deserialize, Serialize};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Maximum `stack_bytes`. The native stack of a run is 64 times as large, so that the guest's limit is always reached
/// first (see `instrument`).
pub const MAX_STACK_BYTES: u64 = 8 * MIB;

/// Maximum `memory_bytes`: the address range of 32-bit WebAssembly.
pub const MAX_MEMORY_BYTES: u64 = 4 * GIB;

/// Minimum of [`Limits::host_bytes`].
const HOST_FLOOR_BYTES: u64 = 64 * MIB;

/// Limits of a run. They are part of the job and enforced identically on every machine.
///
/// Wall-clock time is not a limit: it is the host's timeout, not a property of the job.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// Fuel units, about one for each WebAssembly operator. Default 2 000 000 000 000: 2 to 20 minutes of one core
    /// (0.07 to 0.6 ns a unit, measured on x86-64), so that a run meets it before a time-out of half an hour. Reaching it ends
    /// the run with code 152.
    pub fuel: u64,
    /// Size of all linear memories together. Default 512 MiB, as in later Bacalhau. `memory.grow` beyond it returns -1.
    pub memory_bytes: u64,
    /// Elements of all tables together. Default 1 000 000 (a 25 MB program needs some 50 000). `table.grow` beyond it
    /// returns -1.
    pub table_elements: u64,
    /// Size of the call stack: locals and operands of every active function in slots of 8 bytes. Default 1 MiB, at most
    /// [`MAX_STACK_BYTES`]. Reaching it ends the run with code 152.
    pub stack_bytes: u64,
    /// Size of existing files written by the program. Default 1 GiB. Reaching it ends the run with code 152.
    pub output_bytes: u64,
    /// Number of existing files, directories and links created by the program. Default 100 000. Reaching it ends the
    /// run with code 152.
    pub output_files: u64,
    /// Maximum directory nesting depth, counted from `/`. Default 64, at most [`MAX_PATH_DEPTH`]. Beyond it the program
    /// receives `ENAMETOOLONG`.
    pub path_depth: u64,
    /// Size of standard output and standard error together. Default 64 MiB. Reaching it ends the run with code 152.
    pub log_bytes: u64,
    /// Number of open descriptors, including the standard three and `/`. Default 1024, the usual soft `ulimit -n`.
    /// Beyond it the program receives `EMFILE`.
    pub open_files: u64,
    /// Size of the binary module. Default 256 MiB. A larger module is rejected unread.
    pub module_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 2_000_000_000_000,
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
    /// Default limit of host memory beside the linear memories: nodes and names of files, link targets, listings,
    /// descriptors, small files, tables. 64 MiB plus half of `memory_bytes`. It belongs to the host, not to the job:
    /// exceeding it is a host failure.
    pub fn host_bytes(&self) -> u64 {
        HOST_FLOOR_BYTES + self.memory_bytes / 2
    }

    /// Checks that the limits are within what this runtime supports; the error names the possible range.
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
                return Err(format!("limit {name} is {value}; the maximum is {most}"));
            }
        }
        if self.open_files < 5 {
            return Err(format!("limit open_files is {}; a program needs at least 5", self.open_files));
        }
        Ok(())
    }
}
