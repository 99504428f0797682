//! Specs of jobs that are announced without them: this node sends those of its own jobs to providers, and reads those that it
//! fetches from requesters. Both within a budget for each of them.

use std::sync::Arc;
use std::time::Instant;

use libp2p::PeerId;

use crate::budget::{Buckets, Rate};
use crate::job::{AnnouncedJob, JobBrief};
use crate::protocol::{Refusal, Reply, read_spec};
use crate::verify::Seal;

/// Bytes of specs that one provider is sent.
const SENT: Rate = Rate { per_second: 1 << 20, burst: 16 << 20 };
/// Bytes of specs that are fetched from one requester.
const FETCHED: Rate = Rate { per_second: 1 << 20, burst: 16 << 20 };
/// What each request counts, however small the spec is.
const REQUEST_BYTES: u64 = 16 << 10;
/// Nodes that are remembered.
const PEERS: usize = 4096;

/// See the module.
pub(super) struct Specs {
    seal: Arc<dyn Seal>,
    sent: Buckets<PeerId>,
    fetched: Buckets<PeerId>,
}

impl Specs {
    pub(super) fn new(seal: Arc<dyn Seal>) -> Self {
        Self { seal, sent: Buckets::new(SENT, PEERS), fetched: Buckets::new(FETCHED, PEERS) }
    }

    /// Whether the budget of `from` allows that it is sent the spec of `job` now, which is counted.
    pub(super) fn may_send(&self, from: &PeerId, job: &AnnouncedJob) -> bool {
        let now = Instant::now();
        // The size is looked at only where there is something left.
        self.sent.try_take(from, REQUEST_BYTES, now).is_ok()
            && self.sent.try_take(from, job.memory_bytes(), now).is_ok()
    }

    /// The answer to `from`, which asks for the spec of `job`. That of a private job is sealed to it.
    pub(super) fn answer(&self, from: &PeerId, job: &AnnouncedJob) -> Reply {
        let bytes = job.to_dag_cbor();
        if !job.request.request.spec.private {
            return Reply::Spec { bytes };
        }
        match self.seal.seal_spec(&bytes, from) {
            Ok(bytes) => Reply::Spec { bytes },
            Err(error) => {
                tracing::warn!(job = %job.id, %from, "the spec of a private job cannot be sealed: {error}");
                Reply::Refused(Refusal::NotYours)
            }
        }
    }

    /// Whether the budget of its requester allows that a spec is fetched now, which is counted.
    ///
    /// # Errors
    /// That it does not.
    pub(super) fn may_fetch(&self, brief: &JobBrief) -> Result<(), String> {
        let taken = self.fetched.try_take(&brief.requester.peer, brief.size, Instant::now());
        taken.map_err(|_| "this node has fetched too much from that requester in a short time".into())
    }

    /// The job that was announced in `brief`, from the answer of its requester.
    ///
    /// # Errors
    /// Why the answer is not its spec.
    pub(super) fn read(&self, brief: &JobBrief, reply: Result<Reply, String>) -> Result<Arc<AnnouncedJob>, String> {
        let bytes = match reply? {
            Reply::Spec { bytes } => bytes,
            Reply::Refused(refusal) => return Err(format!("it refuses to send it: {refusal:?}")),
            _ => return Err("it answers something else".into()),
        };
        let bytes =
            if brief.is_private() { self.seal.open_spec(&bytes).map_err(|error| error.to_string())? } else { bytes };
        read_spec(brief, &bytes).map(Arc::new).map_err(|error| error.to_string())
    }
}
