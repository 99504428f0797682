//! What the API asks of its node, answered by the daemon, the stores and the network.

use std::io::Read;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bacalhau_runtime::Link;
use libp2p::PeerId;

use super::Provider;
use crate::api::{Backend, BackendError, Check, LogPart, NodeFacts, ResultsDag, take_car};
use crate::daemon::{Daemon, SubmitError, versions};
use crate::job::{ExecutionId, JobId, SignedRequest};
use crate::node::Node;
use crate::sharding;
use crate::storage::Sources;

/// See the module.
#[derive(Debug)]
pub(super) struct NodeBackend {
    daemon: Arc<Daemon>,
    node: Arc<Node>,
    sources: Arc<Sources>,
    provider: Arc<Provider>,
}

impl NodeBackend {
    pub(super) fn new(daemon: Arc<Daemon>, node: Arc<Node>, sources: Arc<Sources>, provider: Arc<Provider>) -> Self {
        Self { daemon, node, sources, provider }
    }

    fn facts_of(&self, peer: PeerId, addrs: Vec<String>, connected: bool) -> NodeFacts {
        NodeFacts { peer, addrs, versions: self.daemon.versions_of(&peer), connected, total: None, free: None }
    }
}

impl Backend for NodeBackend {
    fn submit(&self, request: SignedRequest) -> Result<JobId, BackendError> {
        let spec = &request.request.spec;
        let shards = sharding::plan(&*self.sources, &spec.inputs, spec.sharding.as_ref())
            .map_err(|error| BackendError::Refused(error.to_string()))?;
        Ok(self.daemon.submit(request, shards)?)
    }

    fn cancel(&self, job: &JobId, why: &str) -> Result<(), BackendError> {
        Ok(self.daemon.cancel(*job, why)?)
    }

    fn log(&self, execution: ExecutionId, stderr: bool, offset: u64) -> Result<LogPart, BackendError> {
        let record = self.daemon.store().job(&execution.job).map_err(|error| BackendError::Busy(error.to_string()))?;
        let shard = usize::try_from(execution.shard).ok().and_then(|shard| record?.shards.into_iter().nth(shard));
        let peer = shard.and_then(|shard| shard.execution(execution.number).map(|execution| execution.peer));
        let peer = peer.ok_or_else(|| BackendError::Gone(format!("there is no execution {execution}")))?;
        let (bytes, ended) = self.daemon.log(execution, peer, stderr, offset).map_err(BackendError::Gone)?;
        Ok(LogPart { bytes, ended })
    }

    fn results(&self, job: &JobId, shard: u32) -> Result<ResultsDag, BackendError> {
        let dir = self.provider.collected(job, shard);
        if dir.is_dir() {
            return Ok(ResultsDag::Directory(dir));
        }
        Err(BackendError::Gone(format!("results of shard {shard} of job {job} are not on this node any more")))
    }

    fn add_data(&self, car: &mut dyn Read) -> Result<Vec<Link>, BackendError> {
        take_car(self.node.store(), car, unix_ms())
    }

    fn node(&self) -> NodeFacts {
        let (total, free) = self.daemon.capacity();
        let addrs = self.daemon.transport().addrs().iter().map(ToString::to_string).collect();
        NodeFacts { peer: self.daemon.me(), addrs, versions: Some(versions()), connected: true, total, free }
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
        vec![store]
    }
}

fn unix_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

impl From<SubmitError> for BackendError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Refused(why) => Self::Refused(why),
            SubmitError::Busy(why) => Self::Busy(why),
            SubmitError::Host(failure) => Self::Host(failure),
        }
    }
}
