//! `bacalhau docker run`: runs a container as a job, like `wasm run`, except that determinism is not enforced.

use std::sync::Arc;

use bacalhau_runtime::{Limits, Options, Runtime};
use clap::Args;

use super::exit::{Exit, Failure};
use super::job_args::JobArgs;
use super::job_run::JobRun;
use super::limits::parse_count;
use super::progress_output::Ui;
use super::{data, interrupt};
use bacalhau_compute::{Docker, ExecutionContext, Executors};
use bacalhau_job::{CONTAINER_MEMORY_BYTES, ContainerLimits, DockerSpec, Engine, Resources};
use bacalhau_service::config::Cpu;
use bacalhau_values::Size;

/// Default address of the container engine.
pub(super) const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

const EXAMPLES: &str = "Examples:
  bacalhau docker run busybox:1.36 -- sh -c 'sort -u /inputs/*.txt > /outputs/words' -i ./texts
      a directory is mounted at /inputs; /outputs is kept; arguments after -- go to the program
  bacalhau docker run ffmpeg@sha256:… -i ipfs://bafy…:/in -o small:/out --cpu 2 --memory 1g -- -i /in/a.mp4 /out/a.webm
      the image by digest, two cores and 1 GiB of memory
  bacalhau docker run busybox:1.36 --api-host node.example -c 5 --confidence 4 -- date
      on a server: five runs, of which four must agree (they will not agree on the time of day)";

/// Run a container several times and compare the results
///
/// The container has no network, no capabilities, a read-only root file system, and writes only to its outputs and
/// /tmp. Its determinism is not enforced; the runs are only compared. Needs a Docker engine, and a build with the
/// feature `docker`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct DockerRun {
    /// The image. A tag is resolved once, here, so that all nodes run the same image; a digest, NAME@sha256:…, is
    /// resolved by the nodes that run it
    image: String,

    /// Arguments that replace the image's command
    args: Vec<String>,

    /// Arguments that begin with a dash
    #[arg(last = true, value_name = "PROGRAM ARGS")]
    program_args: Vec<String>,

    #[command(flatten)]
    container: ContainerArgs,

    #[command(flatten)]
    job: JobArgs,
}

/// Flags of the container.
#[derive(Args, Debug)]
#[command(next_help_heading = "Container")]
struct ContainerArgs {
    /// Program that replaces the image's entry point. May be given several times; the following ones are its first
    /// arguments
    #[arg(long, value_name = "PROGRAM")]
    entrypoint: Vec<String>,

    /// Working directory [default: the image's own]
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,

    /// CPU limit, as in 0.5 or 500m
    #[arg(long, value_name = "CPU", default_value_t = Cpu(1000))]
    cpu: Cpu,

    /// Memory limit, including /tmp. The engine kills a container that exceeds it
    #[arg(long, value_name = "SIZE", default_value_t = Size(CONTAINER_MEMORY_BYTES))]
    memory: Size,

    /// Maximum size of standard output and standard error together
    #[arg(long, value_name = "SIZE", default_value_t = Size(Limits::default().log_bytes))]
    log_bytes: Size,

    /// Maximum size of all output files together
    #[arg(long, value_name = "SIZE", default_value_t = Size(Limits::default().output_bytes))]
    output_bytes: Size,

    /// Maximum number of files, directories and links in all outputs
    #[arg(long, value_name = "N", default_value_t = Limits::default().output_files, value_parser = parse_count)]
    output_files: u64,

    /// Unix socket of the container engine
    #[arg(long, value_name = "SOCKET", env = "DOCKER_HOST", default_value = DEFAULT_HOST)]
    docker_host: String,
}

impl DockerRun {
    /// Runs the job and prints the summary.
    ///
    /// # Errors
    /// When there is no result to report: usage error, rejected job, host failure.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let run = JobRun::begin(&self.job, Vec::new(), None)?;
        let ui = Arc::clone(&run.ui);
        let resources = self.resources();
        let fixed = || {
            if is_fixed(&self.image) {
                return Ok(self.image.clone());
            }
            resolve(&Docker::connect(&self.container.docker_host, run.place.staging())?, &self.image, &ui)
        };
        if self.job.data.dry_run {
            let spec = self.job.spec(self.engine(fixed()?)?, resources, run.named_inputs()?)?;
            return run.print_only(spec);
        }
        if let Some(server) = run.server.clone() {
            let engine = self.engine(fixed()?)?;
            return run.run_at(&server, |_, inputs| self.job.spec(engine, resources, inputs));
        }
        let docker = Arc::new(Docker::connect(&self.container.docker_host, run.place.staging())?);
        let last = Arc::clone(&docker);
        interrupt::ends(move || last.close());
        let image = resolve(&docker, &self.image, &ui)?;
        let (inputs, open) = data::named_inputs(&run.sources, &ui, &run.mounts)?;
        let spec = self.job.spec(self.engine(image)?, resources, inputs)?;
        let context = Arc::new(ExecutionContext::new(Runtime::new(&Options::default())?, Arc::clone(&run.sources)));
        let executors = Executors::new(Arc::clone(&context)).with_docker(Arc::clone(&docker));
        let finished = run.run_here(spec, context, executors, open);
        // Ends runs that were not awaited.
        docker.close();
        run.conclude(finished?)
    }

    fn resources(&self) -> Resources {
        let ContainerArgs { cpu, memory, .. } = &self.container;
        Resources { cpu_millis: cpu.0, memory_bytes: memory.0, disk_bytes: 0 }
    }

    fn engine(&self, image: String) -> Result<Engine, Failure> {
        let ContainerArgs { entrypoint, workdir, log_bytes, output_bytes, output_files, .. } = &self.container;
        Ok(Engine::Docker(DockerSpec {
            image,
            entrypoint: entrypoint.clone(),
            args: self.args.iter().chain(&self.program_args).cloned().collect(),
            env: self.job.env()?,
            workdir: workdir.clone(),
            outputs: self.job.outputs()?,
            limits: ContainerLimits {
                log_bytes: log_bytes.0,
                output_bytes: output_bytes.0,
                output_files: *output_files,
            },
        }))
    }
}

/// Whether `image` is named by digest.
pub(super) fn is_fixed(image: &str) -> bool {
    image.contains("@sha256:") || image.starts_with("sha256:")
}

/// Resolves `image` to a digest now.
///
/// # Errors
/// When the engine neither has nor can pull the image.
pub(super) fn resolve(docker: &Docker, image: &str, ui: &Ui) -> Result<String, Failure> {
    let found = ui.during(&format!("resolving {image}"), || docker.resolve(image))?;
    if found != image {
        ui.say(format!("{image} is {found}"));
    }
    Ok(found)
}
