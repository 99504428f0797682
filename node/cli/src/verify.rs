//! `bacalhau verify`: checks the signatures of a receipt, runs its job again and compares the results.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use bacalhau_runtime::{Claim, Deadline, Difference, HostFailure, Receipt, ResultFile, dirhash};
use clap::Args;
use libp2p::PeerId;
use serde::Serialize;

use super::by_cid::ByCid;
use super::component::{self, Program};
use super::docker_run::DEFAULT_HOST;
use super::exit::{Exit, Failure};
use super::machine::{self, Compiling, Machine};
use super::mount::Mount;
use super::output::{self, Format, Lines, Paint, Render};
use super::progress_output::Ui;
use super::recorded::Recorded;
use super::{data, hash, interrupt, text};
use bacalhau_compute::{Container, Docker};
use bacalhau_files::temporary::{self, TempDir};
use bacalhau_http::Reach;
use bacalhau_identity::receipts;
use bacalhau_job::{DockerSpec, Resources, docker_profile};
use bacalhau_service::node::Node;
use bacalhau_storage::{OpenInputs, Source, Sources};

const EXAMPLES: &str = "Examples:
  bacalhau verify bacalhau-4xgsz2vw3nkqv5ia/receipt.json
  bacalhau verify receipt.cbor --module ./count.wasm -i ./texts:/inputs
      on another machine with other paths of module and inputs
  bacalhau verify receipt.json --tier interpreter
      with an independent engine
  bacalhau verify receipt.json --signed-by 12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp
      accepts only receipts with this signature";

/// Check the signatures of a receipt, run its job again, and report differences
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Verify {
    /// receipt.json or receipt.cbor; `-` for standard input. The results directory beside it is checked too
    receipt: PathBuf,

    /// Source of the module, if the path in the receipt is not valid here
    #[arg(long, value_name = "MODULE")]
    module: Option<String>,

    /// Source of an input, if the path in the receipt is not valid here. May be given several times
    #[arg(short, long, value_name = "SRC[:DST]")]
    input: Vec<String>,

    /// Node that must have signed the receipt. May be given several times
    #[arg(long, value_name = "PEER")]
    signed_by: Vec<PeerId>,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    by_cid: ByCid,

    #[command(flatten)]
    machine: Machine,

    #[command(flatten)]
    compiling: Compiling,

    #[command(flatten)]
    recorded: Recorded,

    /// Unix socket of the container engine, for receipts of containers
    #[arg(long, value_name = "SOCKET", env = "DOCKER_HOST", default_value = DEFAULT_HOST, help_heading = "Machine")]
    docker_host: String,
}

/// The output of the command.
#[derive(Debug, Serialize)]
struct Answer {
    /// Whether there is no difference.
    same: bool,
    /// Differences of the new run from the claim.
    differences: Vec<Difference>,
    /// Differences of the results directory beside the receipt; absent when there is none.
    altered: Option<Vec<Difference>>,
    /// Peer IDs of the signers.
    signed_by: Vec<String>,
    /// Hash in the receipt.
    h1: String,
    /// Hash of the new run; absent without one.
    found_h1: Option<String>,
    /// Why the job was not run again.
    not_run: Option<String>,
}

/// A source named by the command line, or by the receipt, whose author is not trusted.
struct Origin<T> {
    what: T,
    is_named: bool,
}

/// Sources of module and inputs.
struct Reading {
    ui: Arc<Ui>,
    named: Sources,
    recorded: Sources,
    by_receipt: Recorded,
    _node: Option<Node>,
}

impl Reading {
    fn module(&self, module: &Origin<Source>, max_bytes: u64) -> Result<Program, Failure> {
        let Origin { what, is_named } = module;
        if *is_named {
            return component::read(&self.named, &self.ui, what, max_bytes);
        }
        let read = component::read(&self.recorded, &self.ui, what, max_bytes);
        read.map_err(|failure| self.by_receipt.explain(failure))
    }

    fn inputs(&self, mounts: Vec<Origin<Mount>>) -> Result<OpenInputs, Failure> {
        let (named, recorded): (Vec<_>, Vec<_>) = mounts.into_iter().partition(|mount| mount.is_named);
        let mounts = |read: Vec<Origin<Mount>>| read.into_iter().map(|mount| mount.what).collect::<Vec<_>>();
        let mut inputs = data::open_inputs(&self.named, &self.ui, &mounts(named))?;
        let recorded = data::open_inputs(&self.recorded, &self.ui, &mounts(recorded));
        inputs.extend(recorded.map_err(|failure| self.by_receipt.explain(failure))?);
        Ok(inputs)
    }
}

impl Verify {
    /// Runs the job again and prints the comparison.
    ///
    /// # Errors
    /// When the receipt cannot be read, its module or inputs are missing or differ, or the host fails.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        self.by_cid.check()?;
        let receipt = self.read_receipt()?;
        let signers = self.signers(&receipt)?;
        let altered = self.results_beside().map(|dir| altered(&receipt.claim, &dir)).transpose()?;
        // Without a container engine, everything else is still checked.
        let is_container = receipt.claim.job.profile == docker_profile();
        let again = match if is_container { self.run_container(&receipt)? } else { Ok(self.run_again(&receipt)?) } {
            Ok(again) => Ok(again),
            Err(why) => Err(format!("{}: {why}", container_of(&receipt)?.image)),
        };
        let differences = again.as_ref().map_or_else(|_| Vec::new(), |again| receipt.differences(again));
        let altered_none = altered.as_ref().is_none_or(Vec::is_empty);
        let same = again.is_ok() && differences.is_empty() && altered_none;
        let exit = match &again {
            _ if same => Exit::Success,
            Err(_) if altered_none => Exit::Host,
            _ => Exit::Different,
        };
        let signed_by = signers.iter().map(PeerId::to_string).collect();
        let (found_h1, not_run) = match again {
            Ok(again) => (Some(again.claim.h1), None),
            Err(why) => (None, Some(why)),
        };
        let h1 = receipt.claim.h1;
        output::print(self.output, &Answer { same, differences, altered, signed_by, h1, found_h1, not_run })?;
        Ok(exit)
    }

    fn read_receipt(&self) -> Result<Receipt, Failure> {
        let path = &self.receipt;
        let bytes = if path.as_os_str() == "-" {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
        } else {
            fs::read(path)
        };
        let bytes =
            bytes.map_err(|error| Failure::usage(format!("cannot read the receipt {}: {error}", path.display())))?;
        Receipt::parse(&bytes).map_err(|error| Failure::refused(format!("{}: {error}", path.display())))
    }

    /// The signers of the receipt, checked before its job is run.
    fn signers(&self, receipt: &Receipt) -> Result<Vec<PeerId>, Failure> {
        let wrong = |why: String| Failure::new(Exit::Different, format!("{}: {why}", self.receipt.display()));
        let signers = receipts::check(receipt).map_err(|forged| wrong(text::harmless(&forged.to_string())))?;
        match self.signed_by.iter().find(|wanted| !signers.contains(wanted)) {
            None => Ok(signers),
            Some(missing) if signers.is_empty() => {
                Err(wrong(format!("the receipt is not signed by {missing} or any other node")))
            }
            Some(missing) => {
                Err(wrong(format!("the receipt is not signed by {missing}; it is signed by {}", list(&signers))))
            }
        }
    }

    fn results_beside(&self) -> Option<PathBuf> {
        Some(self.receipt.parent()?.join("results")).filter(|dir| self.receipt.as_os_str() != "-" && dir.is_dir())
    }

    /// Runs the container of `receipt` again, or returns why it cannot.
    fn run_container(&self, receipt: &Receipt) -> Result<Result<Receipt, String>, Failure> {
        let claimed = &receipt.claim.job;
        let spec = container_of(receipt)?;
        let mounts = self.mounts(receipt)?;
        let dir = workplace()?;
        let docker = match Docker::connect(&self.docker_host, dir.path()) {
            Ok(docker) => Arc::new(docker),
            Err(failure) => return Ok(Err(failure.to_string())),
        };
        let last = Arc::clone(&docker);
        interrupt::ends(move || last.close());
        let reading = self.reading(&dir, mounts.iter().map(|mount| &mount.what.source))?;
        let inputs = reading.inputs(mounts)?;
        reading.ui.say(format!("running container {} again", receipt.claim.job_cid));
        Ok(Ok(docker.run(&Container {
            name: "verify",
            spec: &spec,
            job: claimed,
            resources: &Resources { memory_bytes: claimed.limits.memory_bytes, ..Resources::default() },
            inputs: &inputs,
            dir: dir.path(),
            deadline: &Deadline::new(self.machine.timeout()),
        })?))
    }

    /// The sources and the node that serves their blocks, while they are read.
    fn reading<'a>(&self, dir: &TempDir, mut read: impl Iterator<Item = &'a Source>) -> Result<Reading, Failure> {
        let ui = self.machine.ui();
        let node = read.any(Source::is_cid).then(|| self.by_cid.node(&ui)).transpose()?;
        let within = |reach| self.machine.download.sources(&ui, node.as_ref(), dir.path().into(), reach);
        let (named, recorded) = (within(Reach::Named)?, within(self.recorded.reach())?);
        Ok(Reading { ui, named, recorded, by_receipt: self.recorded, _node: node })
    }

    fn run_again(&self, receipt: &Receipt) -> Result<Receipt, Failure> {
        let job = &receipt.claim.job;
        let module = self.module(receipt)?;
        let mounts = self.mounts(receipt)?;
        let dir = workplace()?;
        let reading = self.reading(&dir, mounts.iter().map(|mount| &mount.what.source).chain([&module.what]))?;
        let ui = Arc::clone(&reading.ui);
        let runtime = self.compiling.runtime(job.limits.module_bytes)?;
        machine::say_cache_problem(&ui, &runtime);
        let Program { bytes, component } = reading.module(&module, job.limits.module_bytes)?;
        let module = module.what;
        let compiling = format!("compiling {}", text::bytes(bytes.len() as u64));
        let loaded = ui.during(&compiling, || runtime.load(&bytes))?;
        if loaded.cid() != job.module {
            let (is, wanted) = (loaded.cid(), job.module);
            return Err(Failure::refused(match component {
                None => format!(
                    "the module {module} is {is}, but the receipt names {wanted}: give the right one with --module"
                ),
                Some(_) => format!(
                    "the component {module} is lowered to {is}, but the receipt names {wanted}: give the module with --module; \
                     another version of bacalhau may have lowered it"
                ),
            }));
        }
        let inputs = reading.inputs(mounts)?;
        ui.say(format!("running job {} again", receipt.claim.job_cid));
        let clock = Instant::now();
        let results = dir.path().join("results");
        let again = runtime.run(&loaded, job, &inputs.trees, &results, self.machine.timeout())?;
        self.compiling.say_what_was_not_ready(&ui, loaded.backend(), clock.elapsed());
        Ok(again)
    }

    fn module(&self, receipt: &Receipt) -> Result<Origin<Source>, Failure> {
        match (&self.module, &receipt.unclaimed.module_source) {
            (Some(named), _) => Ok(Origin { what: Source::parse(named)?, is_named: true }),
            (None, Some(recorded)) => match Source::parse(recorded) {
                Ok(what) => Ok(Origin { what, is_named: false }),
                Err(error) => {
                    Err(Failure::usage(format!("the receipt's module: {error}; name its place with --module")))
                }
            },
            (None, None) => Err(Failure::usage("the receipt has no source of its module: name it with --module")),
        }
    }

    /// The source of each input: from the command line, else from the receipt.
    fn mounts(&self, receipt: &Receipt) -> Result<Vec<Origin<Mount>>, Failure> {
        let named = Mount::parse_all(&self.input)?;
        let places = &receipt.claim.job.inputs;
        let strays = |mount: &&Mount| mount.target.as_ref().is_none_or(|target| !places.contains_key(target));
        if let Some(stray) = named.iter().find(strays) {
            let places: Vec<&str> = places.keys().map(String::as_str).collect();
            let has = if places.is_empty() { "none".into() } else { places.join(", ") };
            return Err(Failure::usage(format!("the receipt has no input at {}; it has {has}", stray.target(true))));
        }
        places.keys().map(|place| mount_for(place, &named, receipt)).collect()
    }
}

/// A directory that is removed at exit.
fn workplace() -> Result<TempDir, Failure> {
    let parent = std::env::temp_dir();
    Ok(temporary::dir_in(&parent).map_err(|error| HostFailure::at("create a directory in", &parent, error))?)
}

/// The container of the claim of `receipt`.
fn container_of(receipt: &Receipt) -> Result<DockerSpec, Failure> {
    let claimed = &receipt.claim.job;
    let wrong = |why: String| Failure::refused(format!("the receipt's container: {why}"));
    let said = receipt.unclaimed.container.clone();
    let said = said.ok_or_else(|| wrong("the receipt does not name it".into()))?;
    let spec: DockerSpec = serde_json::from_value(said).map_err(|error| wrong(error.to_string()))?;
    spec.check(&[]).map_err(|error| wrong(error.to_string()))?;
    let resources = Resources { memory_bytes: claimed.limits.memory_bytes, ..Resources::default() };
    let mut job = spec.job([], &resources);
    job.inputs.clone_from(&claimed.inputs);
    if job != *claimed {
        return Err(wrong(format!("it is {}, and the claim is about {}", spec.cid(), claimed.module)));
    }
    Ok(spec)
}

fn mount_for(place: &str, named: &[Mount], receipt: &Receipt) -> Result<Origin<Mount>, Failure> {
    if let Some(mount) = named.iter().find(|mount| mount.target.as_deref() == Some(place)) {
        return Ok(Origin { what: mount.clone(), is_named: true });
    }
    let hint = format!("name its place with -i SRC:{place}");
    let recorded = receipt.unclaimed.input_sources.get(place);
    let recorded =
        recorded.ok_or_else(|| Failure::usage(format!("the receipt has no source of input {place}: {hint}")))?;
    let source = Source::parse(recorded)
        .map_err(|error| Failure::usage(format!("the receipt's input {place}: {error}; {hint}")))?;
    Ok(Origin { what: Mount { source, target: Some(place.into()) }, is_named: false })
}

/// Differences of the results directory from `claim`.
fn altered(claim: &Claim, dir: &Path) -> Result<Vec<Difference>, Failure> {
    let found = dirhash::hash_dir(dir, "results").map_err(|error| hash::explain(&error))?;
    if found.h1 == claim.h1 {
        return Ok(Vec::new());
    }
    let files: Vec<ResultFile> = found.files.iter().map(ResultFile::from).collect();
    Ok(claim.file_differences(&files))
}

impl Render for Answer {
    fn table(&self, paint: Paint) -> String {
        let mut lines = Lines::default();
        if let Some(why) = &self.not_run {
            lines.add("run", paint.yellow(&text::harmless(&format!("not run again: {why}"))));
        } else if self.differences.is_empty() {
            lines.add("run", paint.green("same: outcome, fuel and every file match the receipt"));
        } else {
            lines.add("run", paint.red("different: this run does not match the receipt"));
        }
        add_differences(&mut lines, &self.differences);
        match &self.altered {
            Some(altered) if altered.is_empty() => {
                lines.add("results", paint.green("same: the files beside the receipt match it"));
            }
            Some(altered) => {
                lines.add("results", paint.red("altered: files beside the receipt do not match it"));
                add_differences(&mut lines, altered);
            }
            None => {}
        }
        match self.signed_by.as_slice() {
            [] => lines.add("signed", "no"),
            signers => lines.add("signed", format!("by {}", signers.join(", "))),
        }
        lines.add("h1", text::harmless(&self.h1));
        lines.into_text()
    }
}

fn list(peers: &[PeerId]) -> String {
    peers.iter().map(PeerId::to_string).collect::<Vec<_>>().join(", ")
}

fn add_differences(lines: &mut Lines, differences: &[Difference]) {
    for difference in differences {
        let Difference { what, expected, found } = difference;
        lines.add("", text::harmless(&format!("{what}: claimed {expected}, found {found}")));
    }
}
