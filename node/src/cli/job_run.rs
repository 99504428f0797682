//! A job from the command line to its summary, whatever kind of program it runs: by nodes of this process, or by a server.

use std::collections::BTreeMap;
use std::sync::Arc;

use bacalhau_runtime::HostFailure;

use super::ending::Ending;
use super::exit::{Exit, Failure};
use super::here::Here;
use super::job::{self, Submitted};
use super::job_args::JobArgs;
use super::mount::Mount;
use super::place::Place;
use super::report::Reports;
use super::spec::{Carrier, Reach};
use super::talk::Talk;
use super::{get, keep, output, publications, server, submit, text};
use crate::compute::{Executors, Workbench};
use crate::job::{Deal, InputSpec, JobSpec};
use crate::node::Node;
use crate::publisher::PublishPlaces;
use crate::sharding;
use crate::storage::{ForJob, OpenInputs, Source, Sources};

/// A job of which it is known what it is to read, where it runs and where its results go.
pub(super) struct JobRun<'a> {
    args: &'a JobArgs,
    pub(super) deal: Deal,
    pub(super) mounts: Vec<Mount>,
    /// The server that is to run it, if it is not to be run here.
    pub(super) server: Option<String>,
    pub(super) place: Place,
    pub(super) talk: Arc<Talk>,
    pub(super) sources: Arc<Sources>,
    node: Option<Arc<Node>>,
    /// Where nodes of this process publish.
    publish: PublishPlaces,
}

impl<'a> JobRun<'a> {
    /// Makes everything ready. `program` is where the program is found, where that is to be read.
    ///
    /// # Errors
    /// When flags make no sense, or the host fails.
    pub(super) fn begin(args: &'a JobArgs, program: Option<&Source>) -> Result<Self, Failure> {
        let deal = args.deal()?;
        args.by_cid.check()?;
        let mut mounts = Mount::parse_all(&args.data.input)?;
        for mount in &mut mounts {
            mount.source = mount.source.clone().verified(args.verified_inputs());
        }
        let server = args.submission.server.named()?;
        if server.is_none() {
            args.submission.check_without_server()?;
        }
        let publish = match server {
            None => args.publish.places(&args.by_cid.content, args.submission.server.layers()?)?,
            Some(_) => PublishPlaces::default(),
        };
        let local = mounts.iter().filter_map(|mount| match &mount.source {
            Source::Path(path) => Some(path.as_path()),
            _ => None,
        });
        let place = Place::plan_outside(args.data.output_dir.as_deref(), &local.collect::<Vec<_>>())?;
        let talk = args.machine.talk();
        let by_cid = mounts.iter().map(|mount| &mount.source).chain(program).any(Source::is_cid);
        let publishes_here = server.is_none() && args.publish.needs_node();
        let node = (by_cid || publishes_here).then(|| args.by_cid.node_that(&talk, publish.pinning.is_some()));
        let node = node.transpose()?.map(Arc::new);
        let sources =
            args.machine.download.sources(&talk, node.as_deref(), place.staging().into(), crate::http::Reach::Named)?;
        Ok(Self { args, deal, mounts, server, place, talk, sources: Arc::new(sources), node, publish })
    }

    /// Has nodes of this process run `spec` by `executors`. `open` are its inputs, as they are open on no `bench` yet.
    ///
    /// # Errors
    /// When nothing comes of it.
    pub(super) fn run_here(
        &self,
        spec: JobSpec,
        bench: Arc<Workbench>,
        executors: Executors,
        open: OpenInputs,
    ) -> Result<Ending, Failure> {
        let sources = ForJob::new(&*self.sources, spec.verified_inputs);
        let shards = sharding::plan(&sources, &spec.inputs, spec.sharding.as_ref())
            .map_err(|error| Failure::usage(error.to_string()))?;
        self.talk.say(format!("running {}", text::count(usize::from(self.deal.concurrency()), "independent run")));
        let here = Here {
            bench,
            executors,
            inputs: spec.sharding.is_none().then_some(open),
            node: self.node.clone(),
            dir: self.place.staging(),
            publish: self.publish.clone(),
        };
        let ending = here.run(spec, shards, &self.talk)?;
        if let Some(node) = &self.node {
            node.exchange().settle()?;
        }
        Ok(ending)
    }

    /// Has `server` do it, and fetches what came of it. `spec` is made of what it has been brought.
    ///
    /// # Errors
    /// When the server does not do it, or cannot be asked.
    pub(super) fn run_at(
        self,
        server: &str,
        spec: impl FnOnce(&mut Reach<'_>, Vec<InputSpec>) -> Result<JobSpec, Failure>,
    ) -> Result<Exit, Failure> {
        let submission = &self.args.submission;
        let data_dir = self.args.by_cid.content.place.path()?;
        let client = self.args.submission.server.client_of(server, &data_dir, &self.talk)?;
        let mut reach = Reach::Server(Carrier::new(&client, self.talk.clone()));
        let inputs = reach.inputs(&self.mounts)?;
        let spec = spec(&mut reach, inputs)?;
        let id = submit::submit(&client, server::identity(&data_dir)?.keypair(), spec)?;
        if submission.id_only() {
            output::line(&id.to_string())?;
            return Ok(Exit::Success);
        }
        if !submission.waits() {
            output::print(self.args.data.output, &Submitted { id })?;
            return Ok(Exit::Success);
        }
        self.talk.say(format!("submitted {id} to {server}"));
        let record = submit::follow(&client, &id, self.deal, &self.talk, submission.follows())?.record;
        let mut results = Vec::new();
        for (index, shard) in (0_u32..).zip(&record.shards) {
            let mut dirs = BTreeMap::new();
            if let Some(number) = shard.published {
                let dir = self.place.staging().join(format!("shard-{index}"));
                let receipt = shard.execution(number).and_then(|execution| execution.receipt.as_ref());
                let receipt = receipt.ok_or_else(|| HostFailure::new("the server has results without a receipt"))?;
                let (h1, _) = client.fetch_results(&id.to_string(), index, &dir, get::bounds_of(receipt))?;
                job::check_h1(&receipt.claim.h1, &h1)?;
                dirs.insert(number, dir);
            }
            results.push(dirs);
        }
        self.conclude(Ending::of(record, results)?)
    }

    /// Keeps what came of it, waits until it is published, as far as that needs this process, and prints the summary.
    ///
    /// # Errors
    /// When the host fails.
    pub(super) fn conclude(self, mut ending: Ending) -> Result<Exit, Failure> {
        let format = self.args.data.output;
        let output_dir = keep::keep(self.place, &ending)?;
        if publications::settle(&self.publish, self.node.as_deref(), &mut ending.record, &self.talk)? {
            keep::write_receipts(&ending, &output_dir)?;
        }
        let mut reports = Reports::new(&ending, output_dir);
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
