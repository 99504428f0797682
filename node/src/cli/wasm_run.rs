//! `bacalhau wasm run`: the main job, from the command line to the summary.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bacalhau_runtime::{DEFAULT_ENTRY_POINT, DEFAULT_EPOCH_SECONDS, HostFailure, Job, Link};
use clap::{Args, ValueEnum};

use super::by_cid::ByCid;
use super::ending::Ending;
use super::exit::{Exit, Failure};
use super::here::Here;
use super::job::{self, Submitted};
use super::limits::LimitArgs;
use super::machine::Machine;
use super::mount::{self, Mount};
use super::network::{Network, Submission};
use super::output::{self, Format};
use super::place::Place;
use super::publish::Publish;
use super::report::Reports;
use super::spec::{self, Carrier, Reach};
use super::talk::Talk;
use super::{data, get, interrupt, keep, server, submit, text};
use crate::compute::{Executors, Workbench};
use crate::job::{Deal, Engine, InputSpec, JobSpec, Resources, VerifierKind, WasmSpec};
use crate::sharding;
use crate::storage::Source;

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
    network: Network,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    by_cid: ByCid,

    #[command(flatten)]
    publish: Publish,

    #[command(flatten)]
    machine: Machine,

    #[command(flatten)]
    submission: Submission,
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
        let deal = self.network.deal(self.verification.deal()?);
        self.by_cid.check()?;
        let module = Source::parse(&self.module)?;
        let mounts = Mount::parse_all(&self.data.input)?;
        let server = self.submission.server.named()?;
        if server.is_none() {
            self.submission.check_without_server()?;
        }
        let place = Place::plan(self.data.output_dir.as_deref())?;
        interrupt::removes(place.staging());
        let talk = self.machine.talk();
        let by_cid = mounts.iter().map(|mount| &mount.source).chain([&module]).any(Source::is_cid);
        let publishes_here = server.is_none() && self.publish.needs_node();
        let node = (by_cid || publishes_here).then(|| self.by_cid.node(&talk)).transpose()?.map(Arc::new);
        let spool_dir = place.staging().into();
        let sources = Arc::new(self.machine.download.sources(&talk, node.as_deref(), spool_dir)?);
        let limits = self.limits.limits();
        if let Some(server) = server {
            let cid = spec::module_cid(&sources, &talk, &module, limits.module_bytes)?;
            return self.run_at(&server, deal, cid, &module, &mounts, place, &talk);
        }
        let runtime = self.machine.runtime(limits.module_bytes)?;
        let bytes = data::read_module(&sources, &talk, &module, limits.module_bytes)?;
        let size = text::bytes(bytes.len() as u64);
        talk.say(format!("loading {} ({size})", module.recorded()));
        let loaded = talk.during(&format!("compiling {size}"), || runtime.load(&bytes))?;
        let (inputs, open) = data::named_inputs(&sources, &talk, &mounts)?;
        let spec = self.spec(deal, loaded.cid(), module.to_string(), inputs)?;
        let shards = sharding::plan(&*sources, &spec.inputs, spec.sharding.as_ref())
            .map_err(|error| Failure::usage(error.to_string()))?;
        talk.say(format!("running {}", text::count(usize::from(deal.concurrency()), "independent run")));
        let bench = Arc::new(Workbench::new(runtime, sources));
        bench.preload_module(&loaded);
        let here = Here {
            executors: Executors::new(Arc::clone(&bench)),
            bench,
            inputs: spec.sharding.is_none().then_some(open),
            node: node.clone(),
            dir: place.staging(),
            publish: self.publish.places(&self.by_cid.content, self.submission.server.layers()?)?,
        };
        let ending = here.run(spec, shards, &talk)?;
        self.machine.say_what_was_not_ready(&talk, loaded.backend(), ending.longest_run());
        if let Some(node) = &node {
            node.exchange().settle()?;
        }
        self.conclude(place, &ending)
    }

    /// Has a server do it, and fetches what came of it.
    #[expect(clippy::too_many_arguments, reason = "all that `run` has found out")]
    fn run_at(
        &self,
        server: &str,
        deal: Deal,
        module_cid: Link,
        module: &Source,
        mounts: &[Mount],
        place: Place,
        talk: &Arc<Talk>,
    ) -> Result<Exit, Failure> {
        let data_dir = self.by_cid.content.place.path()?;
        let client = server::client(server, &data_dir)?;
        let mut reach = Reach::Server(Carrier::new(&client, talk.clone()));
        let (module, inputs) = (reach.name(module)?, reach.inputs(mounts)?);
        let spec = self.spec(deal, module_cid, module, inputs)?;
        let id = submit::submit(&client, server::identity(&data_dir)?.keypair(), spec)?;
        if self.submission.id_only() {
            output::line(&id.to_string())?;
            return Ok(Exit::Success);
        }
        if !self.submission.waits() {
            output::print(self.data.output, &Submitted { id })?;
            return Ok(Exit::Success);
        }
        talk.say(format!("submitted {id} to {server}"));
        let record = submit::follow(&client, &id, deal, talk, self.submission.follows())?.record;
        let mut results = Vec::new();
        for (index, shard) in (0_u32..).zip(&record.shards) {
            let mut dirs = BTreeMap::new();
            if let Some(number) = shard.published {
                let dir = place.staging().join(format!("shard-{index}"));
                let receipt = shard.execution(number).and_then(|execution| execution.receipt.as_ref());
                let receipt = receipt.ok_or_else(|| HostFailure::new("the server has results without a receipt"))?;
                let (h1, _) = client.fetch_results(&id.to_string(), index, &dir, get::bounds_of(receipt))?;
                job::check_h1(&receipt.claim.h1, &h1)?;
                dirs.insert(number, dir);
            }
            results.push(dirs);
        }
        self.conclude(place, &Ending::of(record, results)?)
    }

    /// Keeps what came of it, and prints the summary.
    fn conclude(&self, place: Place, ending: &Ending) -> Result<Exit, Failure> {
        let output_dir = keep::keep(place, ending)?;
        let mut reports = Reports::new(ending, output_dir);
        let exit = reports.exit();
        match reports.shards.pop() {
            Some(report) if reports.shards.is_empty() => output::print(self.data.output, &report)?,
            last => {
                reports.shards.extend(last);
                output::print(self.data.output, &reports)?;
            }
        }
        Ok(exit)
    }

    fn spec(&self, deal: Deal, module_cid: Link, module: String, inputs: Vec<InputSpec>) -> Result<JobSpec, Failure> {
        let spec = JobSpec {
            engine: Engine::Wasm(WasmSpec { module, job: self.job(module_cid)? }),
            inputs,
            deal,
            verifier: self.verification.verifier.into(),
            publishers: self.publish.kinds(),
            filplus: self.publish.filplus(),
            sharding: self.network.sharding(),
            resources: Resources::default(),
            timeout_seconds: spec::seconds(self.machine.timeout()),
            private: self.network.is_private(),
            labels: self.network.labels().to_vec(),
        };
        spec.check().map_err(|error| Failure::usage(error.to_string()))?;
        Ok(spec)
    }

    fn job(&self, module: Link) -> Result<Job, Failure> {
        let mut job = Job::new(module);
        job.args = self.args.iter().chain(&self.guest_args).cloned().collect();
        job.entry_point.clone_from(&self.data.entry_point);
        job.stdin.clone_from(&self.data.stdin);
        job.seed = self.data.seed;
        job.epoch_seconds = self.data.epoch;
        job.limits = self.limits.limits();
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
}

impl From<VerifierName> for VerifierKind {
    fn from(name: VerifierName) -> Self {
        match name {
            VerifierName::Deterministic => Self::Deterministic,
            VerifierName::Noop => Self::Noop,
        }
    }
}
