//! What a process keeps after many jobs.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a test, unlike the library, looks at the host")]

use std::time::Duration;

use bacalhau_runtime::{Inputs, Job, Options, Pool, PoolOptions, Runtime};
use tempfile::TempDir;

/// Resident memory of this process in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn ten_thousand_small_jobs_leave_nothing() {
    let (runtime, place) = (Runtime::new(&Options::default()).unwrap(), TempDir::new().unwrap());
    let pool = Pool::new(&runtime, place.path(), PoolOptions::default());
    let module = runtime.load(br#"(module (memory (export "memory") 1) (func (export "_start")))"#).unwrap();
    let run = |seed| {
        let mut job = Job::new(module.cid());
        job.seed = seed;
        pool.start(&module, job, Inputs::new(), Duration::from_mins(1)).unwrap().wait().unwrap();
    };
    (0..500).for_each(run);
    let before = resident_kib();
    (0..10_000).for_each(run);
    let growth = resident_kib().saturating_sub(before);
    assert!(growth < 10 << 10, "{growth} KiB more");
    // Its threads have let go of their last runs then.
    drop(pool);
    assert_eq!(place.path().read_dir().unwrap().count(), 0, "no files are left");
}
