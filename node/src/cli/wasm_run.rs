//! `bacalhau wasm run`: the main job.

use std::sync::Arc;

use bacalhau_runtime::{DEFAULT_ENTRY_POINT, DEFAULT_EPOCH_SECONDS, Job, Link};
use clap::Args;

use super::exit::{Exit, Failure};
use super::job_args::JobArgs;
use super::job_run::JobRun;
use super::limits::LimitArgs;
use super::machine::{self, Compiling};
use super::{data, spec, text};
use crate::compute::{Executors, Workbench};
use crate::job::{Engine, Resources, WasmSpec};
use crate::storage::Source;

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
    program: Program,

    #[command(flatten)]
    job: JobArgs,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    compiling: Compiling,
}

/// What else the program can sense.
#[derive(Args, Debug)]
#[command(next_help_heading = "Program")]
struct Program {
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
}

impl WasmRun {
    /// Runs the job and prints the summary.
    ///
    /// # Errors
    /// When there is nothing to sum up: usage, a refusal, a failure of the host.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let module = Source::parse(&self.module)?;
        let run = JobRun::begin(&self.job, Some(&module))?;
        let (talk, sources) = (Arc::clone(&run.talk), Arc::clone(&run.sources));
        let module_bytes = self.limits.limits().module_bytes;
        let resources = Resources::default();
        if let Some(server) = run.server.clone() {
            let cid = spec::module_cid(&sources, &talk, &module, module_bytes)?;
            return run.run_at(&server, |reach, inputs| {
                self.job.spec(self.engine(cid, reach.name(&module)?)?, resources, inputs)
            });
        }
        let runtime = self.compiling.runtime(module_bytes)?;
        machine::say_cache_problem(&talk, &runtime);
        let bytes = data::read_module(&sources, &talk, &module, module_bytes)?;
        let size = text::bytes(bytes.len() as u64);
        talk.say(format!("loading {} ({size})", module.recorded()));
        let loaded = talk.during(&format!("compiling {size}"), || runtime.load(&bytes))?;
        let (inputs, open) = data::named_inputs(&sources, &talk, &run.mounts)?;
        let spec = self.job.spec(self.engine(loaded.cid(), module.to_string())?, resources, inputs)?;
        let bench = Arc::new(Workbench::new(runtime, sources));
        bench.preload_module(&loaded);
        let ending = run.run_here(spec, Arc::clone(&bench), Executors::new(bench), open)?;
        self.compiling.say_what_was_not_ready(&talk, loaded.backend(), ending.longest_run());
        run.conclude(ending)
    }

    fn engine(&self, cid: Link, module: String) -> Result<Engine, Failure> {
        let Program { stdin, entry_point, seed, epoch } = &self.program;
        let job = Job {
            args: self.args.iter().chain(&self.guest_args).cloned().collect(),
            entry_point: entry_point.clone(),
            stdin: stdin.clone(),
            seed: *seed,
            epoch_seconds: *epoch,
            limits: self.limits.limits(),
            env: self.job.env()?,
            outputs: self.job.outputs()?,
            ..Job::new(cid)
        };
        Ok(Engine::Wasm(WasmSpec { module, job }))
    }
}
