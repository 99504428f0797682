//! Clock, processors, memory, open files and the container engine.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::process::{Resource, getrlimit};

use super::Finding;
use crate::config::{Config, machine};
use crate::dispatch;
use bacalhau_files::temporary;
use bacalhau_store::FILE_NAME;
use bacalhau_values::text;

/// Open files below which a node does not work, and below which it works with few peers.
const FEW_FILES: u64 = 1_024;
const ENOUGH_FILES: u64 = 4_096;
/// How much a clock may go back between two runs.
const BACK: Duration = Duration::from_mins(5);
/// The beginning of 2026: no clock of this program is before it.
const EARLIEST: Duration = Duration::from_hours(490_896);

pub(super) fn all(dir: &Path, config: &Config) -> Vec<Finding> {
    let mut findings = vec![clock(dir, SystemTime::now())];
    findings.push(capacity(dir, config));
    findings.push(open_files(getrlimit(Resource::Nofile).current));
    findings.extend(engine(config));
    findings.extend(cluster(config));
    findings
}

/// The clock is compared with the last write of the node, since no other clock is asked.
pub(super) fn clock(dir: &Path, now: SystemTime) -> Finding {
    const CLOCK: &str = "clock";
    let shown = |time: SystemTime| humantime::format_rfc3339_seconds(time).to_string();
    let last = std::fs::metadata(dir.join(FILE_NAME)).and_then(|file| file.modified()).ok();
    let what = "set the clock, and keep it right by a service such as chrony or systemd-timesyncd";
    match last {
        _ if now < SystemTime::UNIX_EPOCH + EARLIEST => {
            Finding::problem(CLOCK, "the clock is before 2026: ".to_owned() + what)
        }
        Some(last) if last > now + BACK => Finding::problem(
            CLOCK,
            format!("the clock says {}, but the jobs were last written at {}: {what}", shown(now), shown(last)),
        ),
        _ => Finding::good(CLOCK, shown(now)),
    }
}

fn capacity(dir: &Path, config: &Config) -> Finding {
    const CAPACITY: &str = "capacity";
    let found = machine(dir);
    match config.compute_config(found) {
        Ok(compute) if config.dispatches() => Finding::good(
            CAPACITY,
            format!(
                "{} cores and {} memory of the cluster are given to jobs",
                compute.total.cpu_millis / 1000,
                text::bytes(compute.total.memory_bytes)
            ),
        ),
        Ok(compute) => Finding::good(
            CAPACITY,
            format!(
                "{} of {} cores and {} of {} memory are given to jobs",
                compute.total.cpu_millis / 1000,
                found.cpu_millis / 1000,
                text::bytes(compute.total.memory_bytes),
                text::bytes(found.memory_bytes)
            ),
        ),
        Err(error) => Finding::problem(CAPACITY, error.to_string()),
    }
}

pub(super) fn open_files(limit: Option<u64>) -> Finding {
    const FILES: &str = "open files";
    match limit {
        Some(limit) if limit < FEW_FILES => Finding::problem(
            FILES,
            format!("a process may open {limit} files, fewer than {FEW_FILES}: raise it (ulimit -n, or LimitNOFILE=)"),
        ),
        Some(limit) if limit < ENOUGH_FILES => Finding::note(
            FILES,
            format!("a process may open {limit} files, and {ENOUGH_FILES} are better: ulimit -n, or LimitNOFILE="),
        ),
        Some(limit) => Finding::good(FILES, format!("a process may open {limit}")),
        None => Finding::good(FILES, "no limit"),
    }
}

/// The shared directory, and the scheduler.
fn cluster(config: &Config) -> Vec<Finding> {
    let Some(dir) = config.cluster.dir.as_ref().filter(|_| config.compute.enabled && config.dispatches()) else {
        return Vec::new();
    };
    let shared = match temporary::dir_in(dir) {
        Ok(_) => Finding::good("shared directory", format!("{} is writable", dir.display())),
        Err(error) => Finding::problem(
            "shared directory",
            format!("cannot write in {}: {error}; make it for the user of the node, or set cluster.dir", dir.display()),
        ),
    };
    let scheduler = match dispatch::check(config) {
        Ok(name) => Finding::good("scheduler", format!("{name} answers")),
        Err(error) => Finding::problem("scheduler", error),
    };
    vec![shared, scheduler]
}

fn engine(config: &Config) -> Option<Finding> {
    const ENGINE: &str = "container engine";
    let host = config.docker.host.as_str();
    if !cfg!(feature = "docker") || host == "none" || !config.compute.enabled || config.dispatches() {
        return None;
    }
    let path = host.strip_prefix("unix://").unwrap_or(host);
    Some(match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Finding::good(ENGINE, format!("answers at {path}")),
        Err(error) => Finding::note(
            ENGINE,
            format!(
                "no answer at {path} ({error}): this node runs no containers; start it, or set docker.host = \"none\""
            ),
        ),
    })
}
