//! Transfer of job specs that are not in announcements: serves those of this node's jobs, and fetches those of
//! requesters, within a budget for each peer.

use std::sync::Arc;
use std::time::Instant;

use libp2p_identity::PeerId;

use bacalhau_job::{AnnouncedJob, JobBrief};
use bacalhau_protocol::{Refusal, Reply, SendError, SpecBytesError, read_spec};
use bacalhau_values::budget::{Buckets, Rate};
use bacalhau_verify::{Seal, SealError};

/// Bytes of specs that one provider is sent.
const SENT: Rate = Rate { per_second: 1 << 20, burst: 16 << 20 };
/// Bytes of specs that are fetched from one requester.
const FETCHED: Rate = Rate { per_second: 1 << 20, burst: 16 << 20 };
/// Minimum size that a request counts in bytes.
const REQUEST_BYTES: u64 = 16 << 10;
/// Nodes that are remembered.
const PEERS: usize = 4096;

/// Why the spec of an announced job is not available.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// The budget of the requester is used up.
    #[error("this node has fetched too much from that requester in a short time")]
    Budget,
    /// The requester has not answered.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The requester rejects the request.
    #[error("it refuses to send it: {0:?}")]
    Refused(Refusal),
    /// The reply is not a spec.
    #[error("it answers something else")]
    OtherReply,
    /// The spec of a private job cannot be decrypted.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// The bytes are not the announced spec.
    #[error(transparent)]
    Spec(#[from] SpecBytesError),
}

/// Serves and fetches specs.
pub(super) struct Specs {
    seal: Arc<dyn Seal>,
    sent: Buckets<PeerId>,
    fetched: Buckets<PeerId>,
}

impl Specs {
    pub(super) fn new(seal: Arc<dyn Seal>) -> Self {
        Self { seal, sent: Buckets::new(SENT, PEERS), fetched: Buckets::new(FETCHED, PEERS) }
    }

    /// Takes the spec of `job` from the budget of `from`, and returns whether it is within the budget.
    pub(super) fn may_send(&self, from: &PeerId, job: &AnnouncedJob) -> bool {
        let now = Instant::now();
        // The size is computed only while the budget is not used up.
        self.sent.try_take(from, REQUEST_BYTES, now).is_ok()
            && self.sent.try_take(from, job.memory_bytes(), now).is_ok()
    }

    /// The reply to `from`, which requests the spec of `job`. The spec of a private job is encrypted to it.
    pub(super) fn answer(&self, from: &PeerId, job: &AnnouncedJob) -> Reply {
        let bytes = job.to_dag_cbor();
        if !job.spec().private {
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

    /// Takes the spec from the budget of its requester.
    ///
    /// # Errors
    /// When the budget is used up.
    pub(super) fn may_fetch(&self, brief: &JobBrief) -> Result<(), FetchError> {
        let taken = self.fetched.try_take(&brief.requester.peer, brief.size, Instant::now());
        taken.map_err(|_| FetchError::Budget)
    }

    /// The job that was announced in `brief`, from the answer of its requester.
    ///
    /// # Errors
    /// Why the answer is not its spec.
    pub(super) fn read(
        &self,
        brief: &JobBrief,
        reply: Result<Reply, SendError>,
    ) -> Result<Arc<AnnouncedJob>, FetchError> {
        let bytes = match reply? {
            Reply::Spec { bytes } => bytes,
            Reply::Refused(refusal) => return Err(FetchError::Refused(refusal)),
            _ => return Err(FetchError::OtherReply),
        };
        let bytes = if brief.is_private() { self.seal.open_spec(&bytes)? } else { bytes };
        Ok(Arc::new(read_spec(brief, &bytes)?))
    }
}
