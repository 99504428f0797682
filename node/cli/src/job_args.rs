//! Flags of every command that runs a program as a job: data, number of runs, verification, placement, outputs.
//! `job_run` uses them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bacalhau_runtime::Job;
use clap::{Args, ValueEnum};

use super::audit;
use super::by_cid::ByCid;
use super::exit::Failure;
use super::machine::Machine;
use super::mount;
use super::network::{Network, Submission};
use super::output::Format;
use super::publish::Publish;
use super::spec;
use bacalhau_job::{Deal, Engine, InputSpec, JobSpec, Resources, VerifierKind};

/// Default number of runs with the deterministic verifier.
const DEFAULT_CONCURRENCY: u16 = 3;

/// Flags of commands that run a program as a job.
#[derive(Args, Debug)]
pub(super) struct JobArgs {
    #[command(flatten)]
    pub(super) data: Data,

    #[command(flatten)]
    verification: Verification,

    #[command(flatten)]
    pub(super) network: Network,

    #[command(flatten)]
    pub(super) by_cid: ByCid,

    #[command(flatten)]
    pub(super) publish: Publish,

    #[command(flatten)]
    pub(super) machine: Machine,

    #[command(flatten)]
    pub(super) submission: Submission,
}

/// Inputs and outputs of the program.
#[derive(Args, Debug)]
#[command(next_help_heading = "Inputs and outputs")]
pub(super) struct Data {
    /// Input data and its mount path: a directory, a file, an http(s) URL (with #sha256=HEX it must have that hash),
    /// CID[/path] optionally with `ipfs://`, or data:,TEXT. Without DST, a directory is mounted at /inputs, a file at
    /// /inputs/NAME. May be given several times
    #[arg(short, long, value_name = "SRC[:DST]", aliases = ["inputs", "input-urls", "input-volumes"],
          short_aliases = ['u', 'v'])]
    pub(super) input: Vec<String>,

    /// Directory of the program that is kept as the folder NAME of the results. May be given several times; by default,
    /// /outputs is kept as `outputs`
    #[arg(short, long, value_name = "NAME:PATH", value_parser = mount::parse_output, alias = "output-volumes")]
    output_volume: Vec<(String, String)>,

    /// Environment variable of the program. Variables of this shell are not passed on. May be given several times
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = mount::parse_env)]
    env: Vec<(String, String)>,

    /// Output directory: new, empty, or with earlier results [default: ./bacalhau-JOB]
    #[arg(long, value_name = "DIR")]
    pub(super) output_dir: Option<PathBuf>,

    /// Output format of the summary
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(super) output: Format,

    /// Print the job without running it
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Verification")]
struct Verification {
    /// Verifier: `deterministic` compares the hashes of independent runs, `noop` checks nothing
    #[arg(long, value_enum, default_value_t)]
    verifier: VerifierName,

    /// Number of independent runs [default: 3 with the deterministic verifier, 1 with noop]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: Option<u16>,

    /// Minimum number of runs that must agree; the largest group must win in any case
    #[arg(long, value_name = "M", default_value_t = 0)]
    confidence: u16,

    /// Probability that a single run (-c 1, the default with this flag) is repeated by another operator and compared,
    /// as in 0.05 or 5%. The report states the probability of detecting wrong results; if the runs disagree, the job
    /// has no result
    #[arg(long, value_name = "RATE", value_parser = audit::parse_rate, default_value = "0", hide_default_value = true)]
    audit: u32,

    /// Read inputs by CID only if all data is checked against the CID. By default, unsealed copies that cannot be
    /// checked are used too; the receipt records that
    #[arg(long)]
    verified_inputs: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum VerifierName {
    #[default]
    Deterministic,
    Noop,
}

impl JobArgs {
    /// The deal: number of runs, and how many must agree.
    ///
    /// # Errors
    /// When the numbers contradict each other.
    pub(super) fn deal(&self) -> Result<Deal, Failure> {
        self.network.deal(self.verification.deal()?)
    }

    /// Whether inputs by CID must be checked.
    pub(super) fn verified_inputs(&self) -> bool {
        self.verification.verified_inputs
    }

    /// The environment variables of the program.
    ///
    /// # Errors
    /// When one is set twice.
    pub(super) fn env(&self) -> Result<BTreeMap<String, String>, Failure> {
        let mut env = BTreeMap::new();
        for (key, value) in &self.data.env {
            if env.insert(key.clone(), value.clone()).is_some() {
                return Err(Failure::usage(format!("environment variable {key} is set twice")));
            }
        }
        Ok(env)
    }

    /// The outputs by name.
    ///
    /// # Errors
    /// When two have the same name.
    pub(super) fn outputs(&self) -> Result<BTreeMap<String, String>, Failure> {
        if self.data.output_volume.is_empty() {
            return Ok(BTreeMap::from([Job::default_output()]));
        }
        let mut outputs = BTreeMap::new();
        for (name, path) in &self.data.output_volume {
            if outputs.insert(name.clone(), path.clone()).is_some() {
                return Err(Failure::usage(format!("two outputs have the name {name}: give each its own")));
            }
        }
        Ok(outputs)
    }

    /// The spec: `engine` runs its program on `inputs` with `resources`.
    ///
    /// # Errors
    /// When the job would be rejected by every node.
    pub(super) fn spec(
        &self,
        engine: Engine,
        resources: Resources,
        inputs: Vec<InputSpec>,
    ) -> Result<JobSpec, Failure> {
        let spec = JobSpec {
            engine,
            inputs,
            deal: self.deal()?,
            verifier: self.verification.verifier.into(),
            publishers: self.publish.kinds(),
            filplus: self.publish.filplus(),
            sharding: self.network.sharding(),
            verified_inputs: self.verified_inputs(),
            resources,
            timeout_seconds: spec::seconds(self.machine.timeout()),
            queue_seconds: self.network.queue_seconds(),
            private: self.network.is_private(),
            selector: self.network.selector().to_vec(),
            labels: self.network.labels().to_vec(),
        };
        spec.check().map_err(|error| Failure::usage(error.to_string()))?;
        Ok(spec)
    }
}

impl Verification {
    fn deal(&self) -> Result<Deal, Failure> {
        let compares = self.verifier == VerifierName::Deterministic;
        if !compares && self.confidence > 0 {
            return Err(Failure::usage("--confidence needs the deterministic verifier: noop compares nothing"));
        }
        if !compares && self.audit > 0 {
            return Err(Failure::usage("--audit needs the deterministic verifier: noop compares nothing"));
        }
        let default = if compares && self.audit == 0 { DEFAULT_CONCURRENCY } else { 1 };
        Ok(Deal::new(self.concurrency.unwrap_or(default), self.confidence)?.with_audit(self.audit)?)
    }
}

impl From<VerifierName> for VerifierKind {
    fn from(name: VerifierName) -> Self {
        match name {
            VerifierName::Deterministic => Self::Deterministic,
            VerifierName::Noop => Self::Noop,
        }
    }
}
