//! Resources of this machine: processors, memory, and the file system of a directory.

use std::num::NonZero;
use std::path::Path;
use std::thread;

use bacalhau_job::Resources;

/// Assumed memory of a machine whose memory cannot be determined.
const UNKNOWN_MEMORY_BYTES: u64 = 4 << 30;
/// Assumed disk of a machine whose file system cannot be examined.
const UNKNOWN_DISK_BYTES: u64 = 16 << 30;

/// Processors and memory of this machine or container, and the size of the file system of `dir` or its nearest existing
/// ancestor. Free space is measured elsewhere.
pub fn machine(dir: &Path) -> Resources {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    Resources {
        cpu_millis: cores as u64 * 1000,
        memory_bytes: memory().unwrap_or(UNKNOWN_MEMORY_BYTES),
        disk_bytes: file_system(dir).map_or(UNKNOWN_DISK_BYTES, |found| found.bytes),
    }
}

#[cfg(target_os = "linux")]
#[expect(clippy::useless_conversion, reason = "it has 32 bits on machines of 32 bits")]
fn memory() -> Option<u64> {
    let info = rustix::system::sysinfo();
    let physical = u64::try_from(info.totalram).ok()?.checked_mul(info.mem_unit.into())?;
    // cgroup files contain `max` for no limit.
    let container = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let bound = container.and_then(|text| text.trim().parse().ok()).unwrap_or(u64::MAX);
    Some(physical.min(bound))
}

#[cfg(not(target_os = "linux"))]
fn memory() -> Option<u64> {
    None
}

/// Size and free space of a file system for this process.
#[derive(Clone, Copy, Debug)]
pub struct FileSystem {
    /// Size in bytes.
    pub bytes: u64,
    /// Free bytes for this process.
    pub free_bytes: u64,
    /// Free inodes; `None` when the file system has no such limit.
    pub free_files: Option<u64>,
}

/// The file system of `dir` or its nearest existing ancestor.
pub fn file_system(dir: &Path) -> Option<FileSystem> {
    let dir = std::path::absolute(dir).ok()?;
    let found = dir.ancestors().find_map(|dir| rustix::fs::statvfs(dir).ok())?;
    Some(FileSystem {
        bytes: found.f_blocks.checked_mul(found.f_frsize)?,
        free_bytes: found.f_bavail.checked_mul(found.f_frsize)?,
        free_files: (found.f_files > 0).then_some(found.f_favail),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_something_to_give() {
        let found = machine(Path::new("/no/such/directory"));
        assert!(found.cpu_millis >= 1000 && found.cpu_millis.is_multiple_of(1000));
        assert!(found.memory_bytes > 64 << 20 && found.disk_bytes > 0, "{found:?}");
    }
}
