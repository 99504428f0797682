//! The directory of an execution in the shared directory, and the names in it. All machines see it at the same path.
//!
//! A worker makes its results in a directory of its own attempt and renames it to `done`. So two workers that run the
//! same execution, after the cluster took one for dead, do not mix their results, and the first one counts.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bacalhau_files::{private, temporary};
use bacalhau_job::ExecutionId;

/// Maximum length of the file with the id of a job.
const MAX_ID_BYTES: u64 = 256;
/// Beginning of the names of attempts.
const ATTEMPT: &str = "attempt-";

/// The directory of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(PathBuf);

impl Place {
    /// The directory of `execution` below `dir`.
    pub fn of(dir: &Path, execution: ExecutionId) -> Self {
        let ExecutionId { job, shard, number } = execution;
        Self(dir.join(format!("{job}-{shard}-{number}")))
    }

    /// An existing directory.
    pub fn at(dir: PathBuf) -> Self {
        Self(dir)
    }

    /// The execution whose directory has this name.
    pub fn execution(name: &str) -> Option<ExecutionId> {
        name.replace('-', ":").parse().ok()
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The job file that the front node writes.
    pub fn order(&self) -> PathBuf {
        self.0.join("job.cbor")
    }

    /// Directory of inputs that the front node has prepared.
    pub fn inputs(&self) -> PathBuf {
        self.0.join("inputs")
    }

    /// The module.
    pub fn module(&self) -> PathBuf {
        self.0.join("module")
    }

    /// What the scheduler writes of the worker's standard streams.
    pub fn worker_log(&self) -> PathBuf {
        self.0.join("worker.log")
    }

    /// The directory of the attempt that counts; it exists when its report is complete.
    pub fn done(&self) -> PathBuf {
        self.0.join("done")
    }

    /// The report in the directory of an attempt.
    pub fn report(attempt: &Path) -> PathBuf {
        attempt.join("report.cbor")
    }

    /// The file of a standard stream so far in the directory of an attempt.
    pub fn live(attempt: &Path, stderr: bool) -> PathBuf {
        attempt.join(if stderr { "live-stderr" } else { "live-stdout" })
    }

    /// Whether a worker has reported. Lists the directory, because clients of network file systems may remember for
    /// a minute that a name does not exist.
    pub fn is_done(&self) -> bool {
        self.names().any(|name| name == "done")
    }

    /// The directory of the latest attempt that runs or was left behind.
    pub fn latest_attempt(&self) -> Option<PathBuf> {
        let attempts = self.names().filter(|name| name.starts_with(ATTEMPT)).map(|name| self.0.join(name));
        attempts.max_by_key(|path| fs::metadata(path).and_then(|found| found.modified()).ok())
    }

    fn names(&self) -> impl Iterator<Item = String> {
        let entries = fs::read_dir(&self.0).into_iter().flatten();
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok())
    }

    /// The id of its job in the cluster, as [`set_job`](Self::set_job) stored it.
    pub fn job(&self) -> Option<String> {
        let path = self.0.join("cluster-job");
        let short = fs::metadata(&path).ok()?.len() <= MAX_ID_BYTES;
        fs::read_to_string(path).ok().filter(|id| short && !id.is_empty())
    }

    /// Stores the id of its job in the cluster.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set_job(&self, id: &str) -> io::Result<()> {
        self.write("cluster-job", id.as_bytes())
    }

    /// Writes the file `name` completely or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = temporary::file_in(&self.0)?;
        file.write_all(bytes)?;
        file.persist(&self.0.join(name))?;
        Ok(())
    }

    /// Makes the directory, private to its owner.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(&self) -> io::Result<()> {
        private::create_dir_all(&self.0)
    }
}

/// Name of the directory of the attempt of process `pid` on `host` that began at `nanos`.
pub fn attempt_name(host: &str, pid: u32, nanos: u128) -> String {
    let host: String =
        host.chars().filter(|it| it.is_ascii_alphanumeric() || matches!(it, '-' | '.')).take(64).collect();
    format!("{ATTEMPT}{host}-{pid}-{nanos}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_seen_when_its_attempt_is_renamed() {
        let dir = tempfile::tempdir().unwrap();
        let execution = format!("{}:3:2", "a".repeat(32)).parse().unwrap();
        let place = Place::of(dir.path(), execution);
        assert_eq!(Place::execution(place.path().file_name().unwrap().to_str().unwrap()), Some(execution));
        assert!(!place.is_done() && place.job().is_none(), "it does not exist");
        place.create().unwrap();
        place.set_job("17").unwrap();
        assert_eq!(place.job().as_deref(), Some("17"));
        let attempts = ["w1", "w/2"].map(|host| place.path().join(attempt_name(host, 5, 9)));
        for attempt in &attempts {
            fs::create_dir(attempt).unwrap();
            fs::write(Place::report(attempt), "report").unwrap();
        }
        assert!(!place.is_done() && place.latest_attempt().is_some());
        fs::rename(&attempts[0], place.done()).unwrap();
        assert!(place.is_done());
        assert!(fs::rename(&attempts[1], place.done()).is_err(), "the first report counts");
    }
}
