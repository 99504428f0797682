//! Jobs that are not bid on, with the reason: what the operator hears of, and the requester if it asks. And where executions
//! stand, for the operator.

use bacalhau_runtime::Outcome;

use super::super::record::Stage;
use super::super::{Effect, News};
use super::Compute;
use super::bidding::DISK_FULL;
use crate::job::{DeclineReason, Declined, ExecutionId, ExecutionState, JobId};
use crate::protocol::{Decline, Message};

impl Compute {
    /// This node does not bid on the job, as things are. Its operator hears of it, and its requester if it asks.
    pub(super) fn decline(&mut self, job: JobId, declined: Declined) {
        let Declined { reason, .. } = declined;
        if self.declines.insert(job, reason) {
            self.news.push(News::NoBid { job, declined });
        }
        let Some(asked) = self.asked.remove(&job) else { return };
        if self.declines.may_say(job, self.now_ms) {
            let message = Message::Decline(Decline { job, reason: reason.name().into() });
            let (to, addrs) = (asked.requester().peer, asked.requester().addrs.clone());
            self.effects.push(Effect::SendOnce { to, addrs, message });
        }
    }

    /// Declines a job that was assessed, and of which nothing could be bid on: it would take more than is free, or more than there
    /// is.
    pub(super) fn decline_what_does_not_fit(&mut self, job: JobId) {
        let Some(entry) = self.jobs.get(&job) else { return };
        let (mut declined, mut exceeded) = (None, None);
        for shard in &entry.record.shards {
            match shard.stage {
                Stage::Bid | Stage::Lapsed | Stage::Running(_) | Stage::Proposed(_) => {
                    self.asked.remove(&job);
                    return;
                }
                Stage::Waiting if self.disk_full => declined = Some(DeclineReason::DiskFull),
                Stage::Waiting => {
                    declined = Some(DeclineReason::Full);
                    exceeded = self.offers.allow(entry.parties, shard.needs).err();
                }
                Stage::Idle if declined.is_none() && !self.ledger.could_fit(shard.needs) => {
                    declined = Some(DeclineReason::TooLarge);
                }
                Stage::Idle | Stage::Over => {}
            }
        }
        let why = match declined {
            Some(DeclineReason::Full) if exceeded.is_some() => exceeded.map(|it| it.to_string()).unwrap_or_default(),
            Some(DeclineReason::Full) => {
                let free = self.ledger.available();
                format!(
                    "not enough is free: {} thousandths of a core, {} bytes of memory, {} bytes of disk",
                    free.cpu_millis, free.memory_bytes, free.disk_bytes
                )
            }
            Some(DeclineReason::DiskFull) => DISK_FULL.into(),
            Some(_) => "it would take more than this node has".into(),
            None if entry.record.shards.is_empty() => return,
            None => return drop(self.asked.remove(&job)),
        };
        self.decline(job, Declined { reason: declined.unwrap_or(DeclineReason::Other), why });
    }

    /// An execution has reached a state.
    pub(super) fn reached(
        &mut self,
        id: ExecutionId,
        state: ExecutionState,
        outcome: Option<Outcome>,
        why: Option<&str>,
    ) {
        let Some(entry) = self.jobs.get(&id.job) else { return };
        let job = entry.record.job.clone();
        self.news.push(News::Execution { id, job, state, outcome, why: why.map(Into::into) });
    }
}
