//! Jobs that a node takes of its clients, within its bounds.

use libp2p_identity::PeerId;

use super::super::Input;
use super::super::errors::SubmitError;
use super::{Daemon, failed};
use bacalhau_job::{AnnouncedJob, InputSpec, JobId, Requester as Answers, SignedRequest};
use bacalhau_protocol::MAX_SPEC_BYTES;
use bacalhau_requester as requester;
use bacalhau_requester::RequesterConfig;

impl Daemon {
    /// Accepts a job with inputs split into `shards`. It is persisted when this returns. The same request again is the
    /// same job.
    ///
    /// # Errors
    /// When every node would reject it, or this node does not accept it.
    pub fn submit(&self, request: SignedRequest, shards: Vec<Vec<InputSpec>>) -> Result<JobId, SubmitError> {
        let client = request.check().map_err(|error| SubmitError::Refused(error.to_string()))?;
        let Some(config) = &self.requester else {
            return Err(SubmitError::Refused(
                "this node does not accept jobs: use another one, or set requester.enabled".into(),
            ));
        };
        let id = JobId::of(&request, &self.shared.me);
        if self.shared.store.has(&id).map_err(|error| failed(&error))? {
            return Ok(id);
        }
        self.may_take_jobs()?;
        self.may_queue(config, &client)?;
        request.request.spec.deal.check_bids(self.shared.nodes())?;
        let addrs = self.shared.transport.addrs().iter().map(ToString::to_string).collect();
        let job = AnnouncedJob {
            id,
            request,
            requester: Answers { peer: self.shared.me, addrs },
            shards,
            created_ms: self.shared.clock.now_ms(),
            bidding_ms: config.bidding_ms,
            fair: None,
        };
        let size = job.to_dag_cbor().len();
        if size > MAX_SPEC_BYTES {
            return Err(SubmitError::Refused(format!(
                "the job with its {} shards has {size} bytes, and {MAX_SPEC_BYTES} are allowed: use larger batches",
                job.shards.len()
            )));
        }
        let stored = self.shared.store.client_bytes(&client).map_err(|error| failed(&error))?;
        let most = config.client_bytes;
        if stored.saturating_add(size as u64) > most {
            return Err(SubmitError::Quota(format!(
                "the jobs of this client take {stored} bytes here, this one has {size}, and {most} are kept of one client \
                 (requester.client_jobs_size): cancel jobs that are not needed, or wait: the oldest that have ended are \
                 forgotten, an hour after their end at the soonest"
            )));
        }
        self.ask(Input::Requester(requester::Input::Submit(Box::new(job))))?;
        Ok(id)
    }

    /// Bounds the jobs that wait for providers.
    fn may_queue(&self, config: &RequesterConfig, client: &PeerId) -> Result<(), SubmitError> {
        let state = self.shared.state();
        let all: usize = state.queued.values().sum();
        let own = state.queued.get(client).copied().unwrap_or(0);
        let (queued, most, whose, key) = if own >= config.client_queued_jobs {
            (own, config.client_queued_jobs, "of this client ", "requester.client_queued_jobs")
        } else if all >= config.queued_jobs {
            (all, config.queued_jobs, "", "requester.queued_jobs")
        } else {
            return Ok(());
        };
        Err(SubmitError::QueueFull(format!(
            "{queued} jobs {whose}wait for providers here, and the maximum is {most} ({key}): submit it again when some of \
             them have started, cancel jobs that are not needed, or use another node"
        )))
    }

    fn may_take_jobs(&self) -> Result<(), SubmitError> {
        let state = self.shared.state();
        if state.draining {
            return Err(SubmitError::Busy("this node is shutting down and does not accept jobs".into()));
        }
        match (&state.problem, &state.disk) {
            (Some(problem), _) => Err(SubmitError::Busy(format!("job store is not writable: {problem}"))),
            (None, Some(problem)) => Err(SubmitError::Busy(format!("this node does not accept jobs: {problem}"))),
            (None, None) => Ok(()),
        }
    }
}
