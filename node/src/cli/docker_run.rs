//! `bacalhau docker run`: a container as a job. It has all that `wasm run` has but the determinism, which is its user's claim.

use std::sync::Arc;

use bacalhau_runtime::{Limits, Options, Runtime};
use clap::Args;

use super::exit::{Exit, Failure};
use super::job_args::JobArgs;
use super::job_run::JobRun;
use super::limits::parse_count;
use super::talk::Talk;
use super::{data, interrupt};
use crate::compute::{Docker, Executors, Workbench};
use crate::config::Cpu;
use crate::job::{CONTAINER_MEMORY_BYTES, ContainerLimits, DockerSpec, Engine, Resources};
use bacalhau_values::Size;

/// Where engines listen unless somebody says otherwise.
pub(super) const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

const EXAMPLES: &str = "\
Examples:
  bacalhau docker run busybox:1.36 -- sh -c 'sort -u /inputs/*.txt > /outputs/words' -i ./texts
      a directory is seen at /inputs; what is in /outputs is kept; what follows -- is for the program
  bacalhau docker run ffmpeg@sha256:… -i ipfs://bafy…:/in -o small:/out --cpu 2 --memory 1g -- -i /in/a.mp4 /out/a.webm
      the image by digest, two cores and 1 GiB of memory
  bacalhau docker run busybox:1.36 --api-host node.example -c 5 --confidence 4 -- date
      by a server; five runs, of which four must agree, which they will not on the time of day";

/// Run a container several times over and show whether its results agree
///
/// The container has no network, no capabilities, a read-only root, and writes to its outputs and /tmp only. That it is
/// deterministic is your claim: nothing makes it so. Needs a Docker engine, and a build with the feature `docker`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct DockerRun {
    /// The image. A tag is looked up once, here, so that all nodes run the same; by digest, NAME@sha256:…, it is looked up
    /// by the nodes that run it
    image: String,

    /// Arguments in place of the image's own
    args: Vec<String>,

    /// Arguments that begin with a dash
    #[arg(last = true, value_name = "PROGRAM ARGS")]
    program_args: Vec<String>,

    #[command(flatten)]
    container: ContainerArgs,

    #[command(flatten)]
    job: JobArgs,
}

/// What else there is to say of a container.
#[derive(Args, Debug)]
#[command(next_help_heading = "Container")]
struct ContainerArgs {
    /// The program in place of the image's own entry point. May be given several times: then what follows are its first
    /// arguments
    #[arg(long, value_name = "PROGRAM")]
    entrypoint: Vec<String>,

    /// The directory in which it starts [default: the image's own]
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,

    /// Processors it may use, as in 0.5 or 500m
    #[arg(long, value_name = "CPU", default_value_t = Cpu(1000))]
    cpu: Cpu,

    /// Memory it may use, /tmp included. What asks for more is killed
    #[arg(long, value_name = "SIZE", default_value_t = Size(CONTAINER_MEMORY_BYTES))]
    memory: Size,

    /// Standard output and standard error together
    #[arg(long, value_name = "SIZE", default_value_t = Size(Limits::default().log_bytes))]
    log_bytes: Size,

    /// Bytes in the files of all outputs
    #[arg(long, value_name = "SIZE", default_value_t = Size(Limits::default().output_bytes))]
    output_bytes: Size,

    /// Files, directories and links in all outputs
    #[arg(long, value_name = "N", default_value_t = Limits::default().output_files, value_parser = parse_count)]
    output_files: u64,

    /// The Unix socket of the engine
    #[arg(long, value_name = "SOCKET", env = "DOCKER_HOST", default_value = DEFAULT_HOST)]
    docker_host: String,
}

impl DockerRun {
    /// Runs the job and prints the summary.
    ///
    /// # Errors
    /// When there is nothing to sum up: usage, a refusal, a failure of the host.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let run = JobRun::begin(&self.job, None)?;
        let talk = Arc::clone(&run.talk);
        let resources = self.resources();
        if let Some(server) = run.server.clone() {
            let image = if is_fixed(&self.image) {
                self.image.clone()
            } else {
                resolve(&Docker::connect(&self.container.docker_host, run.place.staging())?, &self.image, &talk)?
            };
            let engine = self.engine(image)?;
            return run.run_at(&server, |_, inputs| self.job.spec(engine, resources, inputs));
        }
        let docker = Arc::new(Docker::connect(&self.container.docker_host, run.place.staging())?);
        let last = Arc::clone(&docker);
        interrupt::ends(move || last.close());
        let image = resolve(&docker, &self.image, &talk)?;
        let (inputs, open) = data::named_inputs(&run.sources, &talk, &run.mounts)?;
        let spec = self.job.spec(self.engine(image)?, resources, inputs)?;
        let bench = Arc::new(Workbench::new(Runtime::new(&Options::default())?, Arc::clone(&run.sources)));
        let executors = Executors::new(Arc::clone(&bench)).with_docker(Arc::clone(&docker));
        let ending = run.run_here(spec, bench, executors, open);
        // Runs that nobody waited for end here.
        docker.close();
        run.conclude(ending?)
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

/// Whether `image` names the same bytes everywhere.
pub(super) fn is_fixed(image: &str) -> bool {
    image.contains("@sha256:") || image.starts_with("sha256:")
}

/// What `image` is, here and now.
///
/// # Errors
/// When the engine has no such image, nor can pull it.
pub(super) fn resolve(docker: &Docker, image: &str, talk: &Talk) -> Result<String, Failure> {
    let found = talk.during(&format!("looking up {image}"), || docker.resolve(image))?;
    if found != image {
        talk.say(format!("{image} is {found}"));
    }
    Ok(found)
}
