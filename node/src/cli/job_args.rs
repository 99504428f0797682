//! The flags that every command has which runs a program as a job, whatever kind of program: its data, how often it runs and
//! who judges, where it runs and where results go. What is done with them stands in `job_run`.

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
use crate::job::{Deal, Engine, InputSpec, JobSpec, Resources, VerifierKind};

/// Runs that the deterministic verifier compares when --concurrency does not say.
const DEFAULT_CONCURRENCY: u16 = 3;

/// See the module.
#[derive(Args, Debug)]
pub(super) struct JobArgs {
    #[command(flatten)]
    pub(super) data: Data,

    #[command(flatten)]
    verification: Verification,

    #[command(flatten)]
    network: Network,

    #[command(flatten)]
    pub(super) by_cid: ByCid,

    #[command(flatten)]
    pub(super) publish: Publish,

    #[command(flatten)]
    pub(super) machine: Machine,

    #[command(flatten)]
    pub(super) submission: Submission,
}

/// What the program is given and what is kept of it.
#[derive(Args, Debug)]
#[command(next_help_heading = "Inputs and outputs")]
pub(super) struct Data {
    /// Data for the program to read, and where the program sees it: a directory, a file, an http(s) URL (with
    /// #sha256=HEX it must have that hash), CID[/path] with `ipfs://` before it or not, or data:,TEXT. Without DST, a directory
    /// is seen at /inputs, a file at /inputs/NAME. May be given several times
    #[arg(short, long, value_name = "SRC[:DST]")]
    pub(super) input: Vec<String>,

    /// A directory of the program that is kept, as the folder NAME of the results. May be given several times;
    /// without any, /outputs is kept as `outputs`
    #[arg(short, long, value_name = "NAME:PATH", value_parser = mount::parse_output)]
    output_volume: Vec<(String, String)>,

    /// Set a variable of the program's environment, which holds nothing else. May be given several times
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = mount::parse_env)]
    env: Vec<(String, String)>,

    /// Where the results go; must be new, empty, or hold earlier results [default: ./bacalhau-JOB]
    #[arg(long, value_name = "DIR")]
    pub(super) output_dir: Option<PathBuf>,

    /// How the summary is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(super) output: Format,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Verification")]
struct Verification {
    /// How results are checked: `deterministic` compares the hashes of independent runs, `noop` checks nothing
    #[arg(long, value_enum, default_value_t)]
    verifier: VerifierName,

    /// Independent runs [default: 3 with the deterministic verifier, 1 with noop]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: Option<u16>,

    /// Runs that must agree, at least; the largest group must win in any case
    #[arg(long, value_name = "M", default_value_t = 0)]
    confidence: u16,

    /// Repeat a single run (-c 1, the default with this flag) at another operator with this probability, and compare: 0.05, 5%.
    /// A lie is found with the probability that the report states; where the runs disagree, the job has no result
    #[arg(long, value_name = "RATE", value_parser = audit::parse_rate, default_value = "0", hide_default_value = true)]
    audit: u32,

    /// Read inputs by CID only where all that is read is checked against the CID. Without it, unsealed copies are used too that
    /// can be neither proved nor disproved; the receipt says so
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
    /// How often it runs, and who has to agree.
    ///
    /// # Errors
    /// When that makes no sense.
    pub(super) fn deal(&self) -> Result<Deal, Failure> {
        Ok(self.network.deal(self.verification.deal()?))
    }

    /// Whether inputs by CID have to be checked against it.
    pub(super) fn verified_inputs(&self) -> bool {
        self.verification.verified_inputs
    }

    /// The variables of the program's environment.
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

    /// The outputs, by their names.
    ///
    /// # Errors
    /// When two have the same.
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

    /// What is asked for: that `engine` runs its program on `inputs`, and may take `resources`.
    ///
    /// # Errors
    /// When nobody would do that.
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
            private: self.network.is_private(),
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
