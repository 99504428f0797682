//! `bacalhau wasm run`: the main job, from the command line to the summary.

use std::path::{Path, PathBuf};

use bacalhau_runtime::{DEFAULT_ENTRY_POINT, DEFAULT_EPOCH_SECONDS, Error, Job, Link};
use clap::{Args, ValueEnum};

use super::by_cid::ByCid;
use super::exit::{Exit, Failure};
use super::limits::LimitArgs;
use super::machine::Machine;
use super::mount::{self, Mount};
use super::output::{self, Format};
use super::place::Place;
use super::publish::Publish;
use super::report::Report;
use super::talk::Talk;
use super::{data, interrupt, keep, text};
use crate::embedded::{self, Execution, Task};
use crate::executor::WasmExecutor;
use crate::job::Deal;
use crate::storage::{OpenInputs, Source, Sources};
use crate::verify::{Deterministic, Noop, Verifier};

/// Runs that the deterministic verifier compares when --concurrency does not say.
const DEFAULT_CONCURRENCY: u16 = 3;

const EXAMPLES: &str = "\
Examples:
  bacalhau wasm run hello.wasm
  bacalhau wasm run count.wasm -i ./texts -- --top 10
      a directory is seen at /inputs; what follows -- is for the program
  bacalhau wasm run thumbs.wasm -i photos:/in -i https://example.org/a.png -o small:/out
      files and URLs are seen at /inputs/NAME; the folder /out is kept as results/small
  bacalhau wasm run count.wasm -i ipfs://bafy…/texts:/inputs --filecoin-unsealed-path '/var/lib/data/{{.Cid}}'
      by CID: an unsealed copy if there is one, else block by block from whoever has it
  bacalhau wasm run job.wasm -c 5 --confidence 4 --output json
      five runs, of which four must agree; the summary as JSON";

/// Run a WebAssembly program and show that its result is right
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct WasmRun {
    /// The program: a path, an http(s) URL or a CID of a .wasm or .wat file
    module: String,

    /// Arguments for the program
    args: Vec<String>,

    /// Arguments for the program that begin with a dash
    #[arg(last = true, value_name = "GUEST ARGS")]
    guest_args: Vec<String>,

    #[command(flatten)]
    data: Data,

    #[command(flatten)]
    verification: Verification,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    by_cid: ByCid,

    #[command(flatten)]
    publish: Publish,

    #[command(flatten)]
    machine: Machine,
}

/// What the program is given and what is kept of it.
#[derive(Args, Debug)]
#[command(next_help_heading = "Inputs and outputs")]
struct Data {
    /// Data for the program to read, and where the program sees it: a directory, a file, an http(s) URL (with
    /// #sha256=HEX it must have that hash), CID[/path] with `ipfs://` before it or not, or data:,TEXT. Without DST, a directory
    /// is seen at /inputs, a file at /inputs/NAME. May be given several times
    #[arg(short, long, value_name = "SRC[:DST]")]
    input: Vec<String>,

    /// A directory of the program that is kept, as the folder NAME of the results. May be given several times;
    /// without any, /outputs is kept as `outputs`
    #[arg(short, long, value_name = "NAME:PATH", value_parser = mount::parse_output)]
    output_volume: Vec<(String, String)>,

    /// Set a variable of the program's environment, which holds nothing else. May be given several times
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = mount::parse_env)]
    env: Vec<(String, String)>,

    /// File of the program's tree that it reads as standard input, such as /inputs/data.csv [default: empty]
    #[arg(long, value_name = "GUEST PATH")]
    stdin: Option<String>,

    /// Exported function to call
    #[arg(long, value_name = "NAME", default_value = DEFAULT_ENTRY_POINT)]
    entry_point: String,

    /// Seed of the program's random numbers: another seed, another sequence, the same on every machine
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Where the program's clock starts, in seconds since 1970; the default is 2022-01-01T00:00:00Z
    #[arg(long, value_name = "SECS", default_value_t = DEFAULT_EPOCH_SECONDS)]
    epoch: u64,

    /// Where the results go; must be new, empty, or hold earlier results [default: ./bacalhau-JOB]
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,

    /// How the summary is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
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
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum VerifierName {
    #[default]
    Deterministic,
    Noop,
}

impl WasmRun {
    /// Runs the job and prints the summary.
    ///
    /// # Errors
    /// When there is nothing to sum up: usage, a refusal, a failure of the host.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let deal = self.verification.deal()?;
        self.by_cid.check()?;
        let module = Source::parse(&self.module)?;
        let mounts = Mount::parse_all(&self.data.input)?;
        let place = Place::plan(self.data.output_dir.as_deref())?;
        interrupt::removes(place.staging());
        let talk = self.machine.talk();
        let by_cid = mounts.iter().map(|mount| &mount.source).chain([&module]).any(Source::is_cid);
        let node = (by_cid || self.publish.needs_node()).then(|| self.by_cid.node(&talk)).transpose()?;
        let sources = self.machine.download.sources(&talk, node.as_ref(), place.staging().into())?;
        let mut executions = self.execute(deal, &module, &mounts, &sources, &talk, place.staging())?;
        let proposals: Vec<_> = executions.iter().map(Execution::proposal).collect();
        let verdict = self.verification.verifier().verify(deal, &proposals);
        self.publish.publish(&self.by_cid.content, node.as_ref(), &mut executions, verdict.chosen())?;
        if let Some(node) = &node {
            node.exchange().settle()?;
        }
        let output_dir = keep::keep(place, &executions, verdict.chosen())?;
        let report = Report::new(verdict, &executions, output_dir);
        output::print(self.data.output, &report)?;
        Ok(report.exit())
    }

    /// Opens everything and runs the job as often as the deal says.
    fn execute(
        &self,
        deal: Deal,
        module: &Source,
        mounts: &[Mount],
        sources: &Sources,
        talk: &Talk,
        dir: &Path,
    ) -> Result<Vec<Execution>, Failure> {
        let limits = self.limits.limits();
        let runtime = self.machine.runtime(limits.module_bytes)?;
        let bytes = data::read_module(sources, talk, module, limits.module_bytes)?;
        let size = text::bytes(bytes.len() as u64);
        talk.say(format!("loading {} ({size})", module.recorded()));
        let executor = talk.during(&format!("compiling {size}"), || WasmExecutor::load(runtime, &bytes))?;
        let inputs = data::open_inputs(sources, talk, mounts)?;
        let job = self.job(executor.module_cid(), &inputs)?;
        let count = deal.concurrency();
        talk.say(format!("running {}", text::count(usize::from(count), "independent run")));
        let task = Task { job: &job, inputs: &inputs.trees, timeout: self.machine.timeout(), dir };
        let mut executions = embedded::run(&executor, &task, count, &|run| say_ended(talk, run, count));
        self.machine.say_what_was_not_ready(talk, &executor, &executions);
        record_sources(&mut executions, module, &inputs);
        with_some_result(executions)
    }

    fn job(&self, module: Link, inputs: &OpenInputs) -> Result<Job, Failure> {
        let mut job = Job::new(module);
        job.args = self.args.iter().chain(&self.guest_args).cloned().collect();
        job.entry_point.clone_from(&self.data.entry_point);
        job.stdin.clone_from(&self.data.stdin);
        job.seed = self.data.seed;
        job.epoch_seconds = self.data.epoch;
        job.limits = self.limits.limits();
        job.inputs = inputs.trees.keys().map(|target| (target.clone(), None)).collect();
        for (key, value) in &self.data.env {
            if job.env.insert(key.clone(), value.clone()).is_some() {
                return Err(Failure::usage(format!("environment variable {key} is set twice")));
            }
        }
        if !self.data.output_volume.is_empty() {
            job.outputs.clear();
        }
        for (name, path) in &self.data.output_volume {
            if job.outputs.insert(name.clone(), path.clone()).is_some() {
                return Err(Failure::usage(format!("two outputs have the name {name}: give each its own")));
            }
        }
        Ok(job)
    }
}

impl Verification {
    fn deal(&self) -> Result<Deal, Failure> {
        let compares = self.verifier == VerifierName::Deterministic;
        if !compares && self.confidence > 0 {
            return Err(Failure::usage("--confidence needs the deterministic verifier: noop compares nothing"));
        }
        let default = if compares { DEFAULT_CONCURRENCY } else { 1 };
        Ok(Deal::new(self.concurrency.unwrap_or(default), self.confidence)?)
    }

    fn verifier(&self) -> &'static dyn Verifier {
        match self.verifier {
            VerifierName::Deterministic => &Deterministic,
            VerifierName::Noop => &Noop,
        }
    }
}

/// Says how a run ended. A refusal is not said here: it ends the command, once for all runs.
fn say_ended(talk: &Talk, run: &Execution, count: u16) {
    let end = match &run.outcome {
        Ok(receipt) => receipt.claim.outcome.to_string(),
        Err(Error::Host(failure)) => failure.to_string(),
        Err(Error::Refused(_)) => return,
    };
    talk.say(format!("run {} of {count}: {end}, {}", run.number, text::duration(run.wall)));
}

fn record_sources(executions: &mut [Execution], module: &Source, inputs: &OpenInputs) {
    for receipt in executions.iter_mut().filter_map(|run| run.outcome.as_mut().ok()) {
        receipt.unclaimed.module_source = Some(module.recorded());
        inputs.record(&mut receipt.unclaimed);
    }
}

/// A refusal is everybody's, and without any result there is nothing to vote on: both end the command.
fn with_some_result(mut executions: Vec<Execution>) -> Result<Vec<Execution>, Failure> {
    let refused = executions.iter().position(|run| matches!(run.outcome, Err(Error::Refused(_))));
    let none = executions.iter().all(|run| run.outcome.is_err()).then_some(0);
    match refused.or(none).map(|index| executions.swap_remove(index).outcome) {
        Some(Err(error)) => Err(error.into()),
        _ => Ok(executions),
    }
}
