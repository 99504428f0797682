//! `bacalhau create`: submits a job from a file to a server.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use bacalhau_runtime::{Link, Profile};
use clap::Args;
use serde::Serialize;

use super::super::by_cid::ByCid;
use super::super::docker_run::{DEFAULT_HOST, is_fixed, resolve};
use super::super::exit::{Exit, Failure};
use super::super::finished_job::FinishedJob;
use super::super::machine::Download;
use super::super::network::Submission;
use super::super::output::{self, Format, Lines, Paint, Render};
use super::super::output_dir::OutputDir;
use super::super::progress_output::Ui;
use super::super::publish::PublishTo;
use super::super::spec::{SourceNaming, Uploader};
use super::super::{server, spec, submit};
use super::describe::Described;
use super::draft::{Draft, Found, Program, limits};
use bacalhau_compute::Docker;
use bacalhau_job::{JobId, JobSpec};
use bacalhau_storage::Source;

/// Maximum size of a job file in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

const EXAMPLES: &str = "Examples:
  bacalhau create job.yaml
  bacalhau create - --id-only < job.json

A file is YAML or JSON, for example:
  engine: {wasm: {module: count.wasm, job: {args: [--top, '10'], limits: {fuel: 5000000}}}}
  inputs: ['bafy…:/inputs', {source: 'https://example.org/a.csv', target: /inputs/a.csv}]
  deal: {concurrency: 5, confidence: 4, min_bids: 7}
  publishers: [ipfs, local]
or, of a container:
  engine: {docker: {image: 'busybox:1.36', args: [sh, -c, 'sort /inputs/a.csv > /outputs/b.csv']}}
  resources: {cpu_millis: 500, memory_bytes: 67108864}
Missing fields have the defaults of `wasm run` and `docker run`. Local files and directories, relative to the
current directory, are sent to the server.";

/// Submit a job from a file
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Create {
    /// Job file in YAML or JSON; `-` for standard input
    file: String,

    /// Print the job without submitting it
    #[arg(long)]
    dry_run: bool,

    /// Print only errors on standard error
    #[arg(short, long)]
    quiet: bool,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    to: PublishTo,

    #[command(flatten)]
    submission: Submission,

    #[command(flatten)]
    by_cid: ByCid,

    #[command(flatten)]
    download: Download,

    /// Unix socket of the container engine that resolves image tags
    #[arg(long, value_name = "SOCKET", env = "DOCKER_HOST", default_value = DEFAULT_HOST, help_heading = "Machine")]
    docker_host: String,
}

/// A submitted job.
#[derive(Debug, Serialize)]
pub(crate) struct Submitted {
    pub(crate) id: JobId,
}

/// A job of a dry run.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Planned {
    pub(crate) spec: JobSpec,
}

impl Create {
    /// Submits the job and shows its outcome.
    ///
    /// # Errors
    /// When the file is not a valid job, the server rejects it, or the server stops answering.
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        self.submit(if self.dry_run { Only::Print } else { Only::Submit })
    }

    /// Checks the file.
    ///
    /// # Errors
    /// When it is not a valid job, or its program cannot be read.
    pub(super) fn validate(&self) -> Result<Exit, Failure> {
        self.submit(Only::Check)
    }

    fn submit(&self, only: Only) -> Result<Exit, Failure> {
        let ui = Ui::new(self.quiet);
        let draft = Draft::parse(&read(&self.file)?).map_err(|why| in_file(&self.file, &why))?;
        let data_dir = self.by_cid.content.place.path()?;
        let server = &self.submission.server;
        let client = server.client_of(&server.named_or_own(&data_dir)?, &data_dir, &ui)?;
        let mounts = draft.mounts()?;
        // Module downloads are spooled there.
        let place = OutputDir::plan(None)?;
        let program = self.look_up(&draft, place.staging(), &ui)?;
        let plan = |naming: &mut SourceNaming<'_>| {
            let found = match &program {
                LookedUp::Module(cid, profile, module) => Found::Module(*cid, profile, naming.name(module)?),
                LookedUp::Image(image) => Found::Image(image.clone()),
            };
            let inputs = naming.inputs(&mounts)?;
            let mut planned = draft.spec(&found, &inputs).map_err(|why| in_file(&self.file, &why))?;
            if let Some(publishers) = self.to.said() {
                planned.publishers = publishers;
            }
            planned.filplus |= self.to.filplus();
            planned.check().map_err(|error| in_file(&self.file, &error.to_string()))?;
            Ok::<_, Failure>(planned)
        };
        // Checked before anything is sent.
        let planned = plan(&mut SourceNaming::Local)?;
        match only {
            Only::Submit => {}
            Only::Print => {
                output::print(self.output, &Planned { spec: planned })?;
                return Ok(Exit::Success);
            }
            Only::Check => {
                output::line(&format!("{} is a valid job", self.file))?;
                return Ok(Exit::Success);
            }
        }
        let planned = plan(&mut SourceNaming::Server(Uploader::new(&client, ui.clone())))?;
        let deal = planned.deal;
        let id = submit::submit(&client, server::identity(&data_dir)?.keypair(), planned)?;
        if self.submission.id_only() {
            output::line(&id.to_string())?;
        } else if self.submission.waits() {
            ui.say(format!("submitted {id}"));
            let description = submit::follow(&client, &id, deal, &ui, &self.submission)?;
            let exit = FinishedJob::exit_of(&description.record);
            output::print(self.output, &Described { description, shard: None })?;
            return Ok(exit);
        } else {
            output::print(self.output, &Submitted { id })?;
        }
        Ok(Exit::Success)
    }

    /// Resolves the program of the file. Downloads are spooled in `dir`.
    fn look_up(&self, draft: &Draft, dir: &Path, ui: &Arc<Ui>) -> Result<LookedUp, Failure> {
        match draft.program() {
            Program::Wasm { module, job } => {
                let module = Source::parse(module)?;
                let (sources, _node) = self.download.sources_of(&module, &self.by_cid, ui, dir.into())?;
                let (cid, profile) = spec::read_module(&sources, ui, &module, limits(job)?.module_bytes)?;
                Ok(LookedUp::Module(cid, profile, Box::new(module)))
            }
            Program::Docker(spec) if is_fixed(&spec.image) => Ok(LookedUp::Image(spec.image.clone())),
            Program::Docker(spec) => {
                let docker = Docker::connect(&self.docker_host, dir)?;
                Ok(LookedUp::Image(resolve(&docker, &spec.image, ui)?))
            }
        }
    }
}

/// What is done with a valid file.
#[derive(Clone, Copy)]
enum Only {
    Submit,
    Print,
    Check,
}

/// A resolved program.
enum LookedUp {
    Module(Link, &'static Profile, Box<Source>),
    Image(String),
}

fn read(file: &str) -> Result<String, Failure> {
    let failed = |error: io::Error| Failure::usage(format!("cannot read {file}: {error}"));
    let mut text = String::new();
    let read = if file == "-" {
        io::stdin().lock().take(MAX_FILE_BYTES + 1).read_to_string(&mut text)
    } else {
        File::open(Path::new(file)).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text))
    };
    if read.map_err(failed)? as u64 > MAX_FILE_BYTES {
        return Err(Failure::usage(format!("{file} has more than {MAX_FILE_BYTES} bytes, too many for a job file")));
    }
    Ok(text)
}

fn in_file(file: &str, why: &str) -> Failure {
    Failure::usage(format!("{file} is not a valid job: {why}"))
}

impl Render for Submitted {
    fn table(&self, _paint: Paint) -> String {
        let mut lines = Lines::default();
        let short = self.id.short();
        lines.add("job", format!("{}  (see bacalhau describe {short}, bacalhau get {short})", self.id));
        lines.into_text()
    }
}

/// Printed in a form that can be edited and submitted.
impl Render for Planned {
    fn table(&self, _paint: Paint) -> String {
        output::yaml_text(self)
    }
}
