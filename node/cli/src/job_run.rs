//! Runs a job from the command line to its summary, for all kinds of programs: on nodes in this process, or on a
//! server.

use std::collections::BTreeMap;
use std::sync::Arc;

use bacalhau_runtime::HostFailure;

use super::exit::{Exit, Failure};
use super::finished_job::FinishedJob;
use super::job::{self, Planned, Submitted};
use super::job_args::JobArgs;
use super::local_cluster::LocalRun;
use super::mount::Mount;
use super::output_dir::OutputDir;
use super::progress_output::Ui;
use super::report::Reports;
use super::spec::{SourceNaming, Uploader};
use super::{get, output, publications, save_results, server, submit, text};
use bacalhau_compute::{ExecutionContext, Executors};
use bacalhau_job::{Deal, InputSpec, JobSpec};
use bacalhau_publisher::PublishPlaces;
use bacalhau_service::node::Node;
use bacalhau_sharding as sharding;
use bacalhau_storage::{ForJob, OpenInputs, Source, Sources};

/// A job with known inputs, place and output directory.
pub(super) struct JobRun<'a> {
    args: &'a JobArgs,
    pub(super) deal: Deal,
    pub(super) mounts: Vec<Mount>,
    /// URL of the server; `None` to run locally.
    pub(super) server: Option<String>,
    pub(super) place: OutputDir,
    pub(super) ui: Arc<Ui>,
    pub(super) sources: Arc<Sources>,
    node: Option<Arc<Node>>,
    /// Where local nodes publish.
    publish: PublishPlaces,
}

impl<'a> JobRun<'a> {
    /// Prepares the run. `own` are inputs of the command itself, beside those of the flags; `program` is the source of the
    /// program if it must be read.
    ///
    /// # Errors
    /// When flags are invalid, or the host fails.
    pub(super) fn begin(args: &'a JobArgs, own: Vec<Mount>, program: Option<&Source>) -> Result<Self, Failure> {
        let deal = args.deal()?;
        args.by_cid.check()?;
        let mut mounts = Mount::parse_all(&args.data.input)?;
        mounts.extend(own);
        for mount in &mut mounts {
            mount.source = mount.source.clone().verified(args.verified_inputs());
        }
        let server = args.submission.server.named()?;
        if server.is_none() {
            args.submission.check_without_server()?;
            args.network.check_without_server()?;
        }
        let publish = match server {
            None => args.publish.places(&args.by_cid.content, args.submission.server.layers()?)?,
            Some(_) => PublishPlaces::default(),
        };
        let local = mounts.iter().filter_map(|mount| match &mount.source {
            Source::Path(path) => Some(path.as_path()),
            _ => None,
        });
        let place = OutputDir::plan_outside(args.data.output_dir.as_deref(), &local.collect::<Vec<_>>())?;
        let ui = args.machine.ui();
        let by_cid = mounts.iter().map(|mount| &mount.source).chain(program).any(Source::is_cid);
        let publishes_here = server.is_none() && args.publish.needs_node();
        let node = (by_cid || publishes_here).then(|| args.by_cid.node_that(&ui, publish.pinning.is_some()));
        let node = node.transpose()?.map(Arc::new);
        let sources =
            args.machine.download.sources(&ui, node.as_deref(), place.staging().into(), bacalhau_http::Reach::Named)?;
        Ok(Self { args, deal, mounts, server, place, ui, sources: Arc::new(sources), node, publish })
    }

    /// The inputs as they are named on the command line, for a job that is only printed.
    ///
    /// # Errors
    /// When one cannot be named.
    pub(super) fn named_inputs(&self) -> Result<Vec<InputSpec>, Failure> {
        SourceNaming::Local.inputs(&self.mounts)
    }

    /// Prints `spec` as a job file.
    ///
    /// # Errors
    /// When standard output is closed.
    pub(super) fn print_only(&self, spec: JobSpec) -> Result<Exit, Failure> {
        output::print(self.args.data.output, &Planned { spec })?;
        Ok(Exit::Success)
    }

    /// Runs `spec` on local nodes with `executors`. `open` are its inputs, not yet opened elsewhere.
    ///
    /// # Errors
    /// When there is no result.
    pub(super) fn run_here(
        &self,
        spec: JobSpec,
        context: Arc<ExecutionContext>,
        executors: Executors,
        open: OpenInputs,
    ) -> Result<FinishedJob, Failure> {
        let sources = ForJob::new(&*self.sources, spec.verified_inputs);
        let shards = sharding::plan(&sources, &spec.inputs, spec.sharding.as_ref())
            .map_err(|error| Failure::usage(error.to_string()))?;
        self.ui.say(format!("running {}", text::count(usize::from(self.deal.concurrency()), "independent run")));
        let local = LocalRun {
            context,
            executors,
            inputs: spec.sharding.is_none().then_some(open),
            node: self.node.clone(),
            dir: self.place.staging(),
            publish: self.publish.clone(),
        };
        let finished = local.run(spec, shards, &self.ui)?;
        if let Some(node) = &self.node {
            node.exchange().settle()?;
        }
        Ok(finished)
    }

    /// Submits the job to `server` and fetches the results. `spec` is built from the uploaded data.
    ///
    /// # Errors
    /// When the server rejects the job or does not answer.
    pub(super) fn run_at(
        self,
        server: &str,
        spec: impl FnOnce(&mut SourceNaming<'_>, Vec<InputSpec>) -> Result<JobSpec, Failure>,
    ) -> Result<Exit, Failure> {
        let submission = &self.args.submission;
        let data_dir = self.args.by_cid.content.place.path()?;
        let client = self.args.submission.server.client_of(server, &data_dir, &self.ui)?;
        let mut naming = SourceNaming::Server(Uploader::new(&client, self.ui.clone()));
        let inputs = naming.inputs(&self.mounts)?;
        let spec = spec(&mut naming, inputs)?;
        let id = submit::submit(&client, server::identity(&data_dir)?.keypair(), spec)?;
        if submission.id_only() {
            output::line(&id.to_string())?;
            return Ok(Exit::Success);
        }
        if !submission.waits() {
            output::print(self.args.data.output, &Submitted { id })?;
            return Ok(Exit::Success);
        }
        self.ui.say(format!("submitted {id} to {server}"));
        let record = submit::follow(&client, &id, self.deal, &self.ui, submission)?.record;
        let mut results = Vec::new();
        for (index, shard) in (0_u32..).zip(&record.shards) {
            let mut dirs = BTreeMap::new();
            if let Some(number) = shard.published {
                let dir = self.place.staging().join(format!("shard-{index}"));
                let receipt = shard.execution(number).and_then(|execution| execution.receipt.as_ref());
                let receipt = receipt.ok_or_else(|| HostFailure::new("the server sent results without a receipt"))?;
                let (h1, _) = client.fetch_results(&id.to_string(), index, &dir, get::bounds_of(receipt))?;
                job::check_h1(&receipt.claim.h1, &h1)?;
                dirs.insert(number, dir);
            }
            results.push(dirs);
        }
        self.conclude(FinishedJob::of(record, results)?)
    }

    /// Stores the results, waits for publications that need this process, and prints the summary.
    ///
    /// # Errors
    /// When the host fails.
    pub(super) fn conclude(self, mut finished: FinishedJob) -> Result<Exit, Failure> {
        let format = self.args.data.output;
        let output_dir = save_results::keep(self.place, &finished)?;
        if publications::settle(&self.publish, self.node.as_deref(), &mut finished.record, &self.ui)? {
            save_results::write_receipts(&finished, &output_dir)?;
        }
        let mut reports = Reports::new(&finished, output_dir);
        let exit = reports.exit();
        match reports.shards.pop() {
            Some(report) if reports.shards.is_empty() => output::print(format, &report)?,
            last => {
                reports.shards.extend(last);
                output::print(format, &reports)?;
            }
        }
        Ok(exit)
    }
}
