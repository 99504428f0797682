//! Limits of a compile process, from the price of the job and the size of the module.

use std::time::Duration;

use bacalhau_tree::HostFailure;

use bacalhau_job::{JobSpec, Resources};

const MIB: u64 = 1 << 20;
/// Minimum memory for any module: small modules need 40 MiB.
const LEAST_MEMORY_BYTES: u64 = 256 * MIB;
/// Memory for each byte of a module, in addition. A real program of 25 MiB needs 39 in the baseline compiler.
const MEMORY_FACTOR: u64 = 32;
/// Maximum memory for any module, in addition to its size.
const MOST_MEMORY_BYTES: u64 = 1 << 30;
/// Maximum processor time for each MiB of a module, rounded up.
const CPU_SECONDS_PER_MIB: u64 = 60;
/// Maximum threads.
const MOST_THREADS: u64 = 4;

/// The price of a job, which bounds the work for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Price {
    /// CPU and memory of one execution.
    pub(crate) charged: Resources,
    /// Timeout of one execution.
    pub(crate) timeout: Duration,
}

impl Price {
    /// The price of one execution that holds `charged`.
    pub(crate) fn of(spec: &JobSpec, charged: Resources) -> Self {
        Self { charged, timeout: Duration::from_secs(spec.timeout_seconds) }
    }
}

/// Limits of a compile process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileLimits {
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Processor time in seconds.
    pub cpu_seconds: u64,
    /// Number of compile threads.
    pub threads: u64,
}

impl CompileLimits {
    /// The limits for a module of `module_bytes` for a job of that `price`:
    ///
    /// - as many threads as the execution holds processors, 4 at most;
    /// - processor time: the timeout on each thread, and no more than a minute for each MiB of the module;
    /// - memory: what the execution holds, or 256 MiB and 32 times the size of the module where that is more; and no
    ///   more than 1 GiB beside the size of the module.
    pub(super) fn of(price: &Price, module_bytes: u64) -> Self {
        let threads = (price.charged.cpu_millis / 1000).clamp(1, MOST_THREADS);
        let most_cpu = module_bytes.div_ceil(MIB).max(1).saturating_mul(CPU_SECONDS_PER_MIB);
        let least_memory = module_bytes.saturating_mul(MEMORY_FACTOR).saturating_add(LEAST_MEMORY_BYTES);
        Self {
            memory_bytes: price
                .charged
                .memory_bytes
                .max(least_memory)
                .min(MOST_MEMORY_BYTES.saturating_add(module_bytes)),
            cpu_seconds: price.timeout.as_secs().saturating_mul(threads).clamp(1, most_cpu),
            threads,
        }
    }

    /// The error for exceeded processor time.
    pub(super) fn out_of_time(&self) -> HostFailure {
        HostFailure::new(format!(
            "the module takes too long to compile: more than {} s of processor time, the limit by its size and its \
             job's timeout",
            self.cpu_seconds
        ))
    }

    /// The error for exceeded memory.
    pub(super) fn out_of_memory(&self) -> HostFailure {
        HostFailure::new(format!(
            "the module takes too much memory to compile: more than {} bytes, the limit by its size and its job's \
             memory",
            self.memory_bytes
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cpu_millis: u64, memory_mib: u64, seconds: u64, module_bytes: u64) -> (u64, u64, u64) {
        let charged = Resources { cpu_millis, memory_bytes: memory_mib * MIB, disk_bytes: 0 };
        let price = Price { charged, timeout: Duration::from_secs(seconds) };
        let CompileLimits { memory_bytes, cpu_seconds, threads } = CompileLimits::of(&price, module_bytes);
        (memory_bytes / MIB, cpu_seconds, threads)
    }

    #[test]
    fn limits_follow_from_the_price_and_no_module_costs_more_than_its_size_allows() {
        assert_eq!(of(1000, 512, 1800, 1000), (512, 60, 1), "a small module of a usual job");
        assert_eq!(of(1000, 512, 20, 1000), (512, 20, 1), "of one that may take 20 s");
        assert_eq!(of(1000, 16, 1800, 1000), (256, 60, 1), "of one with little memory");
        assert_eq!(of(3000, 4096, 10, 1000), (1024, 30, 3), "of a large one");
        assert_eq!(of(1000, 512, 1800, 10 * MIB), (576, 600, 1), "a large module of a usual job");
        assert_eq!(of(1000, 512, 86_400, 256 * MIB), (1280, 15_360, 1), "the largest");
        assert_eq!(of(64_000, 0, u64::MAX, u64::MAX), (u64::MAX / MIB, (1 << 44) * 60, 4), "nothing overflows");
    }
}
