//! `bacalhau create`: a job from a file, submitted to a server.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use bacalhau_runtime::Link;
use clap::Args;
use serde::Serialize;

use super::super::by_cid::ByCid;
use super::super::docker_run::{DEFAULT_HOST, is_fixed, resolve};
use super::super::ending::Ending;
use super::super::exit::{Exit, Failure};
use super::super::machine::Download;
use super::super::network::Submission;
use super::super::output::{self, Format, Lines, Paint, Render};
use super::super::place::Place;
use super::super::publish::PublishTo;
use super::super::spec::{Carrier, Reach};
use super::super::talk::Talk;
use super::super::{server, spec, submit};
use super::describe::Described;
use super::draft::{Draft, Found, Program, limits};
use crate::compute::Docker;
use crate::job::{JobId, JobSpec};
use crate::storage::Source;

/// Bytes of a file that describes a job.
const MAX_FILE_BYTES: u64 = 1 << 20;

const EXAMPLES: &str = "\
Examples:
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
What is left out of the job has the defaults of `wasm run` and `docker run`. Files and directories of this machine, named from the
current directory, are sent to the server.";

/// Submit the job that a file describes
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Create {
    /// The description of the job, in YAML or JSON; `-` for standard input
    file: String,

    /// Show what would be submitted, and submit nothing
    #[arg(long)]
    dry_run: bool,

    /// Say nothing on standard error but errors
    #[arg(short, long)]
    quiet: bool,

    /// How the answer is printed
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

    /// The Unix socket of the engine that knows a tag of an image
    #[arg(long, value_name = "SOCKET", env = "DOCKER_HOST", default_value = DEFAULT_HOST, help_heading = "Machine")]
    docker_host: String,
}

/// A job that was submitted.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Submitted {
    pub(in crate::cli) id: JobId,
}

/// A job that was not.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Planned {
    spec: JobSpec,
}

impl Create {
    /// Submits it, and shows what came of it.
    ///
    /// # Errors
    /// When the file describes no job, the server does not take it, or cannot be asked any more.
    pub(in crate::cli) fn run(&self) -> Result<Exit, Failure> {
        let talk = Talk::new(self.quiet);
        let draft = Draft::parse(&read(&self.file)?).map_err(|why| in_file(&self.file, &why))?;
        let data_dir = self.by_cid.content.place.path()?;
        let server = &self.submission.server;
        let client = server.client_of(&server.named_or_own(&data_dir)?, &data_dir, &talk)?;
        let mounts = draft.mounts()?;
        // Downloads of a module are spooled there.
        let place = Place::plan(None)?;
        let program = self.look_up(&draft, place.staging(), &talk)?;
        let plan = |reach: &mut Reach<'_>| {
            let found = match &program {
                LookedUp::Module(cid, module) => Found::Module(*cid, reach.name(module)?),
                LookedUp::Image(image) => Found::Image(image.clone()),
            };
            let inputs = reach.inputs(&mounts)?;
            let mut planned = draft.spec(&found, &inputs).map_err(|why| in_file(&self.file, &why))?;
            if let Some(publishers) = self.to.said() {
                planned.publishers = publishers;
            }
            planned.filplus |= self.to.filplus();
            planned.check().map_err(|error| in_file(&self.file, &error.to_string()))?;
            Ok::<_, Failure>(planned)
        };
        // Before anything is sent.
        let planned = plan(&mut Reach::Here)?;
        if self.dry_run {
            output::print(self.output, &Planned { spec: planned })?;
            return Ok(Exit::Success);
        }
        let planned = plan(&mut Reach::Server(Carrier::new(&client, talk.clone())))?;
        let deal = planned.deal;
        let id = submit::submit(&client, server::identity(&data_dir)?.keypair(), planned)?;
        if self.submission.id_only() {
            output::line(&id.to_string())?;
        } else if self.submission.waits() {
            talk.say(format!("submitted {id}"));
            let description = submit::follow(&client, &id, deal, &talk, self.submission.follows())?;
            let exit = Ending::exit_of(&description.record);
            output::print(self.output, &Described { description, shard: None })?;
            return Ok(exit);
        } else {
            output::print(self.output, &Submitted { id })?;
        }
        Ok(Exit::Success)
    }

    /// What the program is that the file names. Downloads are spooled in `dir`.
    fn look_up(&self, draft: &Draft, dir: &Path, talk: &Arc<Talk>) -> Result<LookedUp, Failure> {
        match draft.program() {
            Program::Wasm { module, job } => {
                let module = Source::parse(module)?;
                let node = module.is_cid().then(|| self.by_cid.node(talk)).transpose()?;
                let sources = self.download.sources(talk, node.as_ref(), dir.into(), crate::http::Reach::Named)?;
                let cid = spec::module_cid(&sources, talk, &module, limits(job)?.module_bytes)?;
                Ok(LookedUp::Module(cid, Box::new(module)))
            }
            Program::Docker(spec) if is_fixed(&spec.image) => Ok(LookedUp::Image(spec.image.clone())),
            Program::Docker(spec) => {
                let docker = Docker::connect(&self.docker_host, dir)?;
                Ok(LookedUp::Image(resolve(&docker, &spec.image, talk)?))
            }
        }
    }
}

/// A program of which it is known what it is.
enum LookedUp {
    Module(Link, Box<Source>),
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
        return Err(Failure::usage(format!("{file} has more than {MAX_FILE_BYTES} bytes, which is no job")));
    }
    Ok(text)
}

fn in_file(file: &str, why: &str) -> Failure {
    Failure::usage(format!("{file} describes no job: {why}"))
}

impl Render for Submitted {
    fn table(&self, _paint: Paint) -> String {
        let mut lines = Lines::default();
        let short = self.id.short();
        lines.add("job", format!("{}  (see bacalhau describe {short}, bacalhau get {short})", self.id));
        lines.into_text()
    }
}

/// In the form in which it can be changed and submitted.
impl Render for Planned {
    fn table(&self, _paint: Paint) -> String {
        output::yaml_text(self)
    }
}
