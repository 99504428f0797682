//! Flags of every command that runs a WebAssembly module as a job, and the run itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use bacalhau_runtime::{DEFAULT_ENTRY_POINT, DEFAULT_EPOCH_SECONDS, Job, Link, Profile};
use clap::Args;

use super::component::{self, Program};
use super::exit::{Exit, Failure};
use super::job_args::JobArgs;
use super::job_run::JobRun;
use super::limits::LimitArgs;
use super::machine::{self, Compiling};
use super::mount::Mount;
use super::{data, spec, stdin, text};
use bacalhau_compute::{ExecutionContext, Executors};
use bacalhau_job::{Engine, Resources, WasmSpec};
use bacalhau_storage::Source;

/// Flags of commands that run a WebAssembly module.
#[derive(Args, Debug)]
pub(super) struct WasmArgs {
    #[command(flatten)]
    program: ProgramArgs,

    #[command(flatten)]
    pub(super) job: JobArgs,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    compiling: Compiling,
}

/// What a command runs with these flags.
#[derive(Debug)]
pub(super) struct Guest {
    /// Source of the module.
    pub(super) module: Source,
    /// Arguments of the program.
    pub(super) args: Vec<String>,
    /// The complete environment of the program.
    pub(super) env: BTreeMap<String, String>,
    /// Inputs beside those of the flags.
    pub(super) mounts: Vec<Mount>,
}

/// Further inputs of the program.
#[derive(Args, Debug)]
#[command(next_help_heading = "Program")]
struct ProgramArgs {
    /// File in the program's tree that is its standard input, such as /inputs/data.csv; `-`: standard input of this command, at
    /// most 1 MiB, which becomes an input at /stdin [default: empty]
    #[arg(long, value_name = "GUEST PATH")]
    stdin: Option<String>,

    /// Exported function to call
    #[arg(long, value_name = "NAME", default_value = DEFAULT_ENTRY_POINT)]
    entry_point: String,

    /// Seed of the program's random numbers. Equal seeds give equal sequences on every machine
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Rules of the run, `v1` or `v2` [default: the oldest that has what the module uses; v2 has exceptions and more]
    #[arg(long, value_name = "NAME", value_parser = spec::profile)]
    profile: Option<&'static Profile>,

    /// Start of the program's clock, in seconds since 1970 [default: 2022-01-01T00:00:00Z]
    #[arg(long, value_name = "SECS", default_value_t = DEFAULT_EPOCH_SECONDS)]
    epoch: u64,
}

impl WasmArgs {
    /// Runs `guest` as a job and prints the summary.
    ///
    /// # Errors
    /// When there is no result to report: usage error, rejected job, host failure.
    pub(super) fn run(&self, mut guest: Guest) -> Result<Exit, Failure> {
        let mut run = JobRun::begin(&self.job, std::mem::take(&mut guest.mounts), Some(&guest.module))?;
        let ui = Arc::clone(&run.ui);
        if self.program.stdin.as_deref() == Some(stdin::OWN) {
            stdin::mount(&mut run.mounts)?;
        }
        let ended = self.run_job(run, &guest);
        if self.program.stdin.is_none() {
            stdin::warn_of_unread(&ui);
        }
        ended
    }

    fn run_job(&self, run: JobRun<'_>, guest: &Guest) -> Result<Exit, Failure> {
        let (ui, sources, module) = (Arc::clone(&run.ui), Arc::clone(&run.sources), &guest.module);
        let module_bytes = self.limits.limits().module_bytes;
        let resources = Resources::default();
        if self.job.data.dry_run {
            let (cid, needed) = spec::read_module(&sources, &ui, module, module_bytes)?;
            let engine = self.engine(guest, cid, needed, module.to_string())?;
            return run.print_only(self.job.spec(engine, resources, run.named_inputs()?)?);
        }
        if let Some(server) = run.server.clone() {
            let program = component::read(&sources, &ui, module, module_bytes)?;
            let (cid, needed) = spec::identify(module, &program.bytes, module_bytes)?;
            // Servers take modules only.
            let lowered = program.write_lowered()?;
            let place = lowered.as_ref().map_or_else(|| module.clone(), |file| Source::Path(file.path().to_owned()));
            return run.run_at(&server, |reach, inputs| {
                self.job.spec(self.engine(guest, cid, needed, reach.name(&place)?)?, resources, inputs)
            });
        }
        let runtime = self.compiling.runtime(module_bytes)?;
        machine::say_cache_problem(&ui, &runtime);
        let Program { bytes, component } = component::read(&sources, &ui, module, module_bytes)?;
        let size = text::bytes(bytes.len() as u64);
        ui.say(format!("loading {} ({size})", module.recorded()));
        let loaded = ui.during(&format!("compiling {size}"), || runtime.load(&bytes))?;
        let (inputs, open) = data::named_inputs(&sources, &ui, &run.mounts)?;
        let engine = self.engine(guest, loaded.cid(), loaded.profile(), module.to_string())?;
        let spec = self.job.spec(engine, resources, inputs)?;
        let context = Arc::new(ExecutionContext::new(runtime, sources));
        context.preload_module(&loaded, component);
        let finished = run.run_here(spec, Arc::clone(&context), Executors::new(context), open)?;
        self.compiling.say_what_was_not_ready(&ui, loaded.backend(), finished.longest_run());
        run.conclude(finished)
    }

    /// The job of the module with that CID, which needs a profile.
    fn engine(&self, guest: &Guest, cid: Link, needed: &'static Profile, module: String) -> Result<Engine, Failure> {
        let ProgramArgs { stdin: path, entry_point, seed, epoch, profile } = &self.program;
        let mut job = Job::new(cid);
        job.profile = profile.unwrap_or(needed).id();
        job.args.clone_from(&guest.args);
        job.entry_point.clone_from(entry_point);
        job.stdin = path.as_deref().map(|path| if path == stdin::OWN { stdin::PLACE } else { path }.to_owned());
        job.seed = *seed;
        job.epoch_seconds = *epoch;
        job.limits = self.limits.limits();
        job.env.clone_from(&guest.env);
        job.outputs = self.job.outputs()?;
        Ok(Engine::Wasm(WasmSpec { module, job }))
    }
}
