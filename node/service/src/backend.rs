//! The API backend of a serving node, from its daemon, stores and network.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use bacalhau_receipt::Publication;
use bacalhau_tree::{HostFailure, Link};
use libp2p::PeerId;

use super::Provider;
use super::disk::Disk;
use super::provider::LOG_BYTES;
use crate::config::NodeSettings;
use crate::node::Node;
use bacalhau_api::{Backend, BackendError, Check, ExecutionPage, LogPart, NodeFacts, ResultsDag, take_car};
use bacalhau_daemon::{Daemon, SubmitError};
use bacalhau_job::{ExecutionId, ExecutionQuery, JobId, SignedRequest};
use bacalhau_sharding as sharding;
use bacalhau_storage::{ForJob, Sources};

/// The API backend of a node.
#[derive(Debug)]
pub(super) struct NodeBackend {
    daemon: Arc<Daemon>,
    node: Arc<Node>,
    sources: Arc<Sources>,
    provider: Arc<Provider>,
    disk: Arc<Disk>,
    name: Option<String>,
    labels: Vec<String>,
}

impl NodeBackend {
    pub(super) fn new(
        daemon: Arc<Daemon>,
        node: Arc<Node>,
        sources: Arc<Sources>,
        provider: Arc<Provider>,
        disk: Arc<Disk>,
        about: &NodeSettings,
    ) -> Self {
        let labels = about.labels.iter().map(ToString::to_string).collect();
        Self { daemon, node, sources, provider, disk, name: about.name.clone(), labels }
    }

    fn facts_of(&self, peer: PeerId, addrs: Vec<String>, connected: bool) -> NodeFacts {
        let versions = self.daemon.versions_of(&peer);
        NodeFacts { peer, name: None, labels: Vec::new(), addrs, versions, connected, total: None, free: None }
    }
}

impl Backend for NodeBackend {
    fn submit(&self, request: SignedRequest) -> Result<JobId, BackendError> {
        let spec = &request.request.spec;
        let sources = ForJob::new(&*self.sources, spec.verified_inputs);
        let shards = sharding::plan(&sources, &spec.inputs, spec.sharding.as_ref())
            .map_err(|error| BackendError::Refused(error.to_string()))?;
        self.daemon.submit(request, shards).map_err(not_taken)
    }

    fn cancel(&self, job: &JobId, why: &str) -> Result<(), BackendError> {
        self.daemon.cancel(*job, why).map_err(not_taken)
    }

    fn log(&self, execution: ExecutionId, stderr: bool, offset: u64) -> Result<LogPart, BackendError> {
        let record = self.daemon.store().job(&execution.job).map_err(|error| BackendError::Busy(error.to_string()))?;
        let shard = usize::try_from(execution.shard).ok().and_then(|shard| record?.shards.into_iter().nth(shard));
        let ran = shard.as_ref().and_then(|shard| shard.execution(execution.number));
        let (Some(shard), Some(ran)) = (&shard, ran) else {
            return Err(BackendError::Gone(format!("unknown execution {execution}")));
        };
        // Executions with the same results have the same log, and providers delete theirs after collection.
        let published = shard.published.and_then(|number| shard.execution(number));
        if published.is_some_and(|published| published.h1 == ran.h1) {
            let name = if stderr { "stderr" } else { "stdout" };
            let bytes = read_from(&self.provider.collected(&execution.job, execution.shard).join(name), offset)
                .map_err(|error| BackendError::Gone(format!("the log is not on this node any more: {error}")))?;
            let ended = bytes.len() < LOG_BYTES;
            return Ok(LogPart { bytes, ended });
        }
        match self
            .daemon
            .log(execution, ran.peer, stderr, offset)
            .map_err(|error| BackendError::Gone(error.to_string()))?
        {
            Some((bytes, ended)) => Ok(LogPart { bytes, ended }),
            // A provider reports an execution shortly before the program starts, and its end shortly after.
            None if ran.state.is_pending() => Ok(LogPart::default()),
            None => Err(BackendError::Gone(format!("{} has no log of it any more", ran.peer))),
        }
    }

    fn publications(&self, execution: ExecutionId, peer: PeerId) -> Option<Vec<Publication>> {
        self.daemon.publications(execution, peer).ok()
    }

    fn results(&self, job: &JobId, shard: u32) -> Result<ResultsDag, BackendError> {
        let dir = self.provider.collected(job, shard);
        if dir.is_dir() {
            return Ok(ResultsDag::Directory(dir));
        }
        Err(BackendError::Gone(format!("results of shard {shard} of job {job} are not on this node any more")))
    }

    fn add_data(&self, car: &mut dyn Read) -> Result<Vec<Link>, BackendError> {
        if let Some(problem) = self.disk.problem() {
            // Not as busy: clients ask a busy node again by themselves, and a full disk does not end by waiting.
            return Err(HostFailure::new(format!("this node takes no data: {problem}")).into());
        }
        take_car(self.node.store(), car, self.daemon.clock().now_ms())
    }

    fn executions(&self, query: &ExecutionQuery) -> ExecutionPage {
        let (executions, next) = self.daemon.executions(query);
        ExecutionPage { executions, next }
    }

    fn node(&self) -> NodeFacts {
        let (total, free) = self.daemon.capacity();
        let addrs = self.daemon.transport().addrs().iter().map(ToString::to_string).collect();
        NodeFacts {
            peer: self.daemon.me(),
            name: self.name.clone(),
            labels: self.labels.clone(),
            addrs,
            versions: Some(self.daemon.versions()),
            connected: true,
            total,
            free,
        }
    }

    fn nodes(&self) -> Vec<NodeFacts> {
        let peers = self.daemon.transport().peers();
        let others = peers.into_iter().map(|peer| {
            let addrs = peer.addrs.iter().map(ToString::to_string).collect();
            self.facts_of(peer.peer, addrs, true)
        });
        std::iter::once(self.node()).chain(others).collect()
    }

    fn checks(&self) -> Vec<Check> {
        let store = Check { name: "jobs can be written".into(), problem: self.daemon.problem() };
        let problem = self.daemon.is_draining().then(|| "the node is shutting down".into());
        let jobs = Check { name: "jobs are taken".into(), problem };
        let disk = Check { name: "disk".into(), problem: self.disk.problem() };
        vec![store, jobs, disk]
    }
}

/// Part of a file.
fn read_from(path: &Path, offset: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    // A file system may not seek to a place far beyond the end.
    if offset >= file.metadata()?.len() {
        return Ok(Vec::new());
    }
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(LOG_BYTES as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The API's error for a job that the daemon rejects.
fn not_taken(error: SubmitError) -> BackendError {
    match error {
        SubmitError::Refused(why) => BackendError::Refused(why),
        SubmitError::Busy(why) => BackendError::Busy(why),
        SubmitError::QueueFull(why) => BackendError::QueueFull(why),
        SubmitError::Quota(why) => BackendError::Quota(why),
        SubmitError::Host(failure) => BackendError::Host(failure),
    }
}
