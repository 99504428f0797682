//! Slurm: a batch job for each execution, by the commands `sbatch`, `squeue` and `scancel`. Jobs of a node have one name,
//! and the id of their execution as comment, so one `squeue` shows all of them, also after a restart.

mod command;
mod listing;
mod script;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use bacalhau_tree::HostFailure;

use super::{Cluster, ClusterJob, Place, Submission, SubmitError};
use command::Ended;

/// Timeout of one command.
const PATIENCE: Duration = Duration::from_mins(1);
/// Maximum output of a listing in bytes: a line has about 100.
const MAX_LISTING_BYTES: u64 = 16 << 20;
/// Maximum output of other commands in bytes.
const MAX_OUTPUT_BYTES: u64 = 64 << 10;
/// Variables of this process that the commands receive.
const KEPT: [&str; 6] = ["PATH", "SLURM_CONF", "HOME", "USER", "LOGNAME", "TZ"];
/// What Slurm gives a job beyond the timeout of its execution, which the worker applies.
const MARGIN: Duration = Duration::from_mins(2);
/// Errors after which a job may exist, and a repetition makes sense.
const UNANSWERED: [&str; 8] = [
    "Unable to contact slurm controller",
    "Socket timed out",
    "Connection refused",
    "Connection reset",
    "Communication connection failure",
    "Zero Bytes were transmitted",
    "Unexpected message received",
    "temporarily unable to accept",
];

/// Configuration of the connection to Slurm.
#[derive(Clone, Debug)]
pub struct SlurmConfig {
    /// Directory of the commands. Default: they are looked up in `PATH`.
    pub bin_dir: Option<PathBuf>,
    /// Partition. Default: that of Slurm.
    pub partition: Option<String>,
    /// Further options of `sbatch`, such as `--account=…`.
    pub options: Vec<String>,
    /// The program `bacalhau` on the workers.
    pub program: PathBuf,
    /// Name of all jobs of this node, which no other node uses.
    pub name: String,
}

/// The connection to Slurm.
#[derive(Debug)]
pub struct Slurm {
    config: SlurmConfig,
}

impl Slurm {
    /// Uses the Slurm of this machine.
    pub fn new(config: SlurmConfig) -> Self {
        Self { config }
    }

    /// A command of Slurm with a small environment, which `sbatch` passes on to the job.
    fn command(&self, name: &str) -> Command {
        let program = self.config.bin_dir.as_ref().map_or_else(|| OsString::from(name), |dir| dir.join(name).into());
        let mut command = Command::new(program);
        command.env_clear().current_dir("/");
        for name in KEPT {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }

    fn sbatch(&self, submission: &Submission) -> Command {
        let Submission { execution, dir, cpu_millis, memory_bytes, timeout, .. } = submission;
        let mut command = self.command("sbatch");
        // The options of the operator come first: where one is repeated, the later one counts.
        command.args(&self.config.options);
        if let Some(partition) = &self.config.partition {
            command.arg(format!("--partition={partition}"));
        }
        let minutes = timeout.saturating_add(MARGIN).as_secs().div_ceil(60);
        command.args(["--parsable", "--requeue", "--nodes=1", "--ntasks=1", "--export=ALL", "--open-mode=append"]);
        command.arg(format!("--job-name={}", self.config.name)).arg(format!("--comment={execution}"));
        command.arg(format!("--cpus-per-task={}", cpu_millis.div_ceil(1000).max(1)));
        command.arg(format!("--mem={}M", memory_bytes.div_ceil(1 << 20))).arg(format!("--time={minutes}"));
        command.arg("--chdir").arg(dir).arg("--output").arg(Place::at(dir.clone()).worker_log());
        command
    }
}

impl Cluster for Slurm {
    fn name(&self) -> &'static str {
        "slurm"
    }

    fn submit(&self, submission: &Submission) -> Result<String, SubmitError> {
        let script = script::of(&self.config.program, &submission.dir).map_err(SubmitError::Rejected)?;
        let ended = command::run(self.sbatch(submission), script.as_bytes(), MAX_OUTPUT_BYTES, PATIENCE);
        let failed =
            |why: String| HostFailure::new(format!("sbatch has not submitted {}: {why}", submission.execution));
        match ended.map_err(|failure| SubmitError::Rejected(failed(failure.to_string())))? {
            Ended::Well(output) => match listing::job_id(&output) {
                Some(id) => Ok(id),
                None => Err(SubmitError::Unanswered(failed(format!("it printed {output:?} instead of a job id")))),
            },
            Ended::Badly(why) if UNANSWERED.iter().any(|known| why.contains(known)) => {
                Err(SubmitError::Unanswered(failed(why)))
            }
            Ended::Badly(why) => Err(SubmitError::Rejected(failed(why))),
            Ended::Late => Err(SubmitError::Unanswered(failed(format!("no answer for {} s", PATIENCE.as_secs())))),
        }
    }

    fn list(&self) -> Result<Vec<ClusterJob>, HostFailure> {
        let mut command = self.command("squeue");
        command.args(["--noheader", "--me", "--states=all", "--array"]);
        command.arg(format!("--name={}", self.config.name)).arg(format!("--format={}", listing::FORMAT));
        match command::run(command, b"", MAX_LISTING_BYTES, PATIENCE)? {
            Ended::Well(output) => listing::parse(&output),
            Ended::Badly(why) => Err(HostFailure::new(format!("squeue: {why}"))),
            Ended::Late => Err(HostFailure::new(format!("squeue has not answered for {} s", PATIENCE.as_secs()))),
        }
    }

    fn cancel(&self, jobs: &[String]) -> Result<(), HostFailure> {
        let mut command = self.command("scancel");
        command.args(["--quiet"]).args(jobs);
        match command::run(command, b"", MAX_OUTPUT_BYTES, PATIENCE)? {
            Ended::Well(_) => Ok(()),
            Ended::Badly(why) if why.contains("Invalid job id") || why.contains("already complet") => Ok(()),
            Ended::Badly(why) => Err(HostFailure::new(format!("scancel: {why}"))),
            Ended::Late => Err(HostFailure::new(format!("scancel has not answered for {} s", PATIENCE.as_secs()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_asks_for_what_its_execution_may_use() {
        let config = SlurmConfig {
            bin_dir: Some("/opt/slurm/bin".into()),
            partition: Some("jobs".into()),
            options: vec!["--account=lab".into(), "--time=1".into()],
            program: "/usr/bin/bacalhau".into(),
            name: "bacalhau-x".into(),
        };
        let submission = Submission {
            execution: format!("{}:0:1", "a".repeat(32)).parse().unwrap(),
            dir: "/shared/e".into(),
            cpu_millis: 1500,
            memory_bytes: (100 << 20) + 1,
            disk_bytes: 0,
            timeout: Duration::from_secs(61),
        };
        let command = Slurm::new(config).sbatch(&submission);
        assert_eq!(command.get_program(), "/opt/slurm/bin/sbatch");
        let args: Vec<&str> = command.get_args().map(|arg| arg.to_str().unwrap()).collect();
        let comment = format!("--comment={}:0:1", "a".repeat(32));
        for wanted in ["--partition=jobs", "--cpus-per-task=2", "--mem=101M", "--job-name=bacalhau-x", &comment] {
            assert!(args.contains(&wanted), "{wanted}: {args:?}");
        }
        let place = |wanted| args.iter().position(|arg| *arg == wanted).unwrap();
        assert!(place("--time=1") < place("--time=4"), "options of the operator do not replace limits: {args:?}");
    }
}
